"""Tags of jobs: words that people sort them by."""

import re
from collections.abc import Iterable

from shared.domain.errors import InvalidInput

MAX_TAGS = 20
TAGS = "A tag has 1 to 40 lower-case letters, digits, - _ . or :, and starts with a letter or a digit."
_TAG = re.compile(r"[a-z0-9][a-z0-9._:-]{0,39}")


def is_tag(text: str) -> bool:
    """Say whether this can be a tag."""
    return _TAG.fullmatch(text) is not None


def checked_tags(tags: Iterable[str]) -> tuple[str, ...]:
    """Return the tags in order, each once.

    Raises:
        InvalidInput: on field `tags`.
    """
    found = sorted(set(tags))
    wrong = next((tag for tag in found if not is_tag(tag)), None)
    if wrong is not None:
        raise InvalidInput("tags", f"{wrong[:40]!r} cannot be a tag. {TAGS}")
    if len(found) > MAX_TAGS:
        raise InvalidInput("tags", f"{len(found)} tags are too many; at most {MAX_TAGS} fit. Remove some.")
    return tuple(found)
