"""The portal's scripts in another language: the same files, with their texts exchanged."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

import msgspec
from fastapi import APIRouter
from starlette.responses import Response

from services.ui.joined import BASE, answer, base_of, digest_of
from services.ui.theme import STATIC
from services.ui.words.catalogue import chinese
from services.ui.words.source import translated
from shared.domain.errors import NotFound

_PREFIX: Final = "/words/zh-Hant"
_HOLE: Final = "const PROSE = {};"
_SPOKEN: Final = 'const LANGUAGE = "en";'


def router() -> APIRouter:
    """Return the route of translated scripts; its addresses change with their content."""
    routes = APIRouter(prefix=_PREFIX)

    @routes.get("/{digest}/{name}", include_in_schema=False)
    async def script(digest: str, name: str) -> Response:
        if not is_own(name):
            raise NotFound(f"There is no script {name[:60]}.")
        text, its = _spoken(name)
        return answer(text, digest == its)

    return routes


@cache
def own_scripts() -> Mapping[str, Path]:
    """Return the portal's own scripts by name: its components, and what they share."""
    components = Path(__file__).parent.parent / "components"
    return {path.name: path for path in (*components.glob("*.js"), *STATIC.glob("*.js"))}


def is_own(name: str) -> bool:
    """Say whether this is a script of the portal, or what some of them are joined to."""
    return name == BASE or name in own_scripts()


def url_of(name: str) -> str:
    """Return the address of a script in Chinese."""
    return f"{_PREFIX}/{_spoken(name)[1]}/{name}"


@cache
def _spoken(name: str) -> tuple[str, str]:
    text = base_of(_translated) if name == BASE else _translated(name)
    return text, digest_of(text)


def _translated(name: str) -> str:
    catalogue = chinese()
    text = translated(own_scripts()[name].read_text(encoding="utf-8"), catalogue.says(name))
    if name == "jp_words.js":
        prose = msgspec.json.encode(catalogue.prose).decode()
        text = text.replace(_HOLE, f"const PROSE = {prose};").replace(_SPOKEN, 'const LANGUAGE = "zh-Hant";')
    return text
