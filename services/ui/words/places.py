"""Texts with places: what a place is, and what of a program's literals people read."""

import re
from typing import Final

PLACE: Final = re.compile(r"\{(?P<out>~?)(?P<number>\d+)>?\}")
"""`{0}` is a place for a value; in a translation `{~0}` leaves it out, and `{0>}` of prose tells it, too."""

_LETTER = re.compile(r"[^\W\d_]")
# A capital that begins a word of small letters, words with a space between them, or a sentence's mark.
_WORDS = re.compile(
    r"(?:^|[\s(“#{}])[A-Z][a-z]+|[a-z\d,;:.}%·] +[a-z(]|[a-z,:] \{|\} [a-z]|…|[a-z}][.!?]$|^ [a-z]+ $"
)
# Names of keys, headers, selectors, styles, addresses and shapes.
_NAMES = re.compile(
    r"^(?:/|#[a-z]|\.[a-z/]|\[|\?|jp-|--jp|M\d|https?:)|"
    r"^(?:Enter|Escape|Tab|Home|End|Arrow\w+|Page\w+|Content-Type|Accept|AbortError|Shift|Ctrl|Esc)$|"
    r"^\w+/\w+$|jp-[a-z]|\b(?:translate|scale|rgb|matrix|calc|max|min|var)\(|^\(max-width|^\s*$|"
    r"^[a-z-]+(?:, ?[.a-z\[\]=-]+)+$|^docker |^numeric$"
)
_SEPARATOR = ", "


def has_letters(words: str) -> bool:
    """Return whether there is anything to translate."""
    return _LETTER.search(words) is not None


def is_read(literal: str) -> bool:
    """Return whether a literal of the code is a text for people, by its shape: words, not a name.

    A word in small letters alone is a name: where one is to be read, it stands in a template.
    """
    bare = PLACE.sub("{}", literal)
    if bare == _SEPARATOR:
        return True
    return has_letters(bare.replace("{}", "")) and not _NAMES.search(bare) and bool(_WORDS.search(bare))
