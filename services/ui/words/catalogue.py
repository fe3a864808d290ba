"""The catalogue: what each English text is in Traditional Chinese, as Hong Kong writes it."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

import msgspec

from services.ui.words.source import Say

FILE: Final = Path(__file__).parent / "zh-Hant.json"


class Catalogue(msgspec.Struct, frozen=True, kw_only=True):
    """One language; keys are English texts, with places `{0}` for values and `#` for a counted number."""

    texts: Mapping[str, str]
    """Of the scripts and pages."""
    only: Mapping[str, Mapping[str, str]]
    """By file, where one English text means two things."""
    prose: Mapping[str, str]
    """Sentences that the server makes and the ledger keeps: matched when they are shown."""

    def says(self, name: str) -> Say:
        """Return how the file of this name is said."""
        own = self.only.get(name, {})
        return lambda key: own.get(key) or self.texts.get(key)


@cache
def chinese() -> Catalogue:
    """Return the catalogue of Traditional Chinese."""
    return msgspec.json.decode(FILE.read_bytes(), type=Catalogue)
