"""Plain values as YAML for people: in the order given, one way to write each value, words beside schedules.

What is written here every reader of YAML 1.1 and 1.2 reads as the same values: what one of them would take
for anything but text is in quotes.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import yaml

from services.ui.documents.tree import Place, is_word

_WIDTH = 100
_INDENT = "  "
_BARE = re.compile(r"(?!---|\.\.\.|-(?: |$))[\w./(+-][\w./()@+*=~ -]*(?<! )")
_SHORT_ESCAPES: Final = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r", "\0": "\\0"}
_RESOLVER: Any = yaml.resolver.Resolver()  # of YAML 1.1, as most programs read it
_STR = "tag:yaml.org,2002:str"

Notes = Mapping[Place, str]
"""What is said of a value behind it, by its place."""


def write_yaml(values: Mapping[str, object], notes: Notes) -> str:
    """Return the values as a text that ends its last line."""
    return "".join(f"{line}\n" for line in _mapping(values, (), "", notes))


def in_one_line(value: object) -> str:
    """Return a value as YAML in one line, whatever it holds."""
    match value:
        case Mapping():
            pairs = (f"{_text(str(key))}: {in_one_line(one)}" for key, one in value.items())
            return f"{{{', '.join(pairs)}}}"
        case list() | tuple():
            return f"[{', '.join(map(in_one_line, value))}]"
        case None | bool():
            return {None: "null", True: "true", False: "false"}[value]
        case float():
            return _number(value)
        case _:
            return str(value) if isinstance(value, int) else _text(str(value))


def _mapping(values: Mapping[str, object], place: Place, indent: str, notes: Notes) -> Iterator[str]:
    for key, value in values.items():
        at = (*place, key)
        yield from _under(f"{indent}{_text(key)}:", value, at, indent, notes)


def _under(head: str, value: object, place: Place, indent: str, notes: Notes) -> Iterator[str]:
    if isinstance(value, str) and _is_block(value):
        yield f"{head} |-"
        yield from (f"{indent}{_INDENT}{line}".rstrip() for line in value.split("\n"))
    elif isinstance(value, Mapping) and value:
        yield head
        yield from _mapping(value, place, indent + _INDENT, notes)
    elif isinstance(value, list | tuple) and _is_long(value, head, place, notes):
        yield head
        for number, one in enumerate(value):
            note = notes.get((*place, number))
            yield f"{indent}{_INDENT}- {in_one_line(one)}{f'  # {note}' if note else ''}"
    else:
        yield f"{head} {in_one_line(value)}"


def _is_long(value: Sequence[object], head: str, place: Place, notes: Notes) -> bool:
    return bool(value) and (
        any(isinstance(one, Mapping) for one in value)
        or any((*place, number) in notes for number in range(len(value)))
        or len(head) + len(in_one_line(value)) > _WIDTH
    )


def _is_block(text: str) -> bool:
    """Say whether the text can stand as it is, line by line, below its key."""
    lines = text.split("\n")
    return (
        len(lines) > 1
        and bool(lines[0])
        and bool(lines[-1])
        and not lines[0].startswith(" ")
        and all(line.isprintable() and not line.endswith(" ") for line in lines)
    )


def _text(text: str) -> str:
    is_plain = is_word(text) and _tag(text) == _STR
    if is_plain and _BARE.fullmatch(text) and text.isprintable():
        return text
    return f'"{"".join(map(_escaped, text))}"'


def _tag(text: str) -> object:
    return _RESOLVER.resolve(yaml.ScalarNode, text, (True, False))


def _escaped(character: str) -> str:
    if character in _SHORT_ESCAPES:
        return _SHORT_ESCAPES[character]
    if character.isprintable():
        return character
    code = ord(character)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"  # noqa: PLR2004 - the last of four digits


def _number(value: float) -> str:
    # YAML 1.1 knows no number with an exponent and without a point.
    text = repr(value)
    mantissa, e, exponent = text.partition("e")
    return f"{mantissa}.0e{exponent}" if e and "." not in mantissa else text
