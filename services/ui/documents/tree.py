"""YAML as plain values that know their lines, read strictly.

Less than YAML can say, on purpose. There are no anchors, aliases and tags: one text means what it says, and
a short one cannot unfold into gigabytes. A key that is there twice is an error. Plain words are words: only
`true`, `false`, `null` and numbers mean something else (the core schema of YAML 1.2.2, section 10.3), so
`02:30` is no number of seconds and `no` is not false. Keys are always words.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import yaml

from services.ui.documents.problems import Problem, UnfitDocument

MAX_CHARS: Final = 4_000_000
_MAX_DEPTH = 20
_LONGEST_NUMBER = 40
Place: TypeAlias = tuple[str | int, ...]
"""The keys and positions that lead to a value."""

# libyaml's parser, where it is there, reads some 30 times as fast; both give the same events.
_PARSER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INTEGER = re.compile(r"[-+]?[0-9]+")
_NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_WORDS: Final[Mapping[str, object]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


@dataclass(frozen=True, slots=True)
class Tree:
    """What a text says."""

    value: object
    """Dicts with str keys, lists, str, int, float, bool and None."""
    lines: Mapping[Place, int]

    def line_of(self, place: Sequence[str | int]) -> int:
        """Return the line of a value, or of the nearest thing around it that the text has."""
        at = tuple(place)
        while at and at not in self.lines:
            at = at[:-1]
        return self.lines.get(at, 1)


def read_tree(text: str) -> Tree:
    """Return what the text says; of an empty one None.

    Raises:
        UnfitDocument: it is no YAML, more than we read of it, or too long.
    """
    if len(text) > MAX_CHARS:
        raise _unfit(1, f"It has more than {MAX_CHARS:,} characters. Make several files of it.")
    builder = _Builder()
    try:
        for event in yaml.parse(text, Loader=_PARSER):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise _unfit(
            1 if mark is None else mark.line + 1, f"This is no YAML: {error.problem or error.context}."
        ) from error
    except yaml.reader.ReaderError as error:
        raise _unfit(
            text.count("\n", 0, error.position) + 1, "It holds a character that no text has. Remove it."
        ) from error
    except (yaml.YAMLError, UnicodeError) as error:
        raise _unfit(
            1, "It holds half a character or another thing that is no text. Save it as UTF-8."
        ) from error
    return Tree(builder.value, builder.lines)


@dataclass(slots=True)
class _Open:
    """A list or mapping that has not ended; `key` is what the next value of a mapping belongs to."""

    holds: dict[str, object] | list[object]
    key: str | None = None


@dataclass(slots=True)
class _Builder:
    """Makes values of events, one after the other: no depth of the text is a depth of calls."""

    value: object = None
    lines: dict[Place, int] = field(default_factory=dict)
    _open: list[_Open] = field(default_factory=list)
    _place: list[str | int] = field(default_factory=list)
    _documents: int = 0

    def take(self, event: yaml.Event) -> None:
        assert event.start_mark is not None
        line = event.start_mark.line + 1
        match event:
            case yaml.AliasEvent():
                raise _unfit(
                    line, "Anchors (&) and aliases (*) are not read here. Write it out, or put it in quotes."
                )
            case yaml.ScalarEvent():
                self._scalar(event, line)
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                self._begin({} if isinstance(event, yaml.MappingStartEvent) else [], event, line)
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                self._open.pop()
                self._leave()
            case yaml.DocumentStartEvent():
                self._documents += 1
                if self._documents > 1:
                    raise _unfit(line, "A second document begins here. Put it into a file of its own.")
            case _:
                pass  # the stream's begin and end, and that of the document

    def _scalar(self, event: yaml.ScalarEvent, line: int) -> None:
        _refuse_marks(event, line)
        inner = self._open[-1] if self._open else None
        if inner is not None and isinstance(inner.holds, dict) and inner.key is None:
            self._key(inner.holds, event.value, line)
            inner.key = event.value
            return
        self._enter(_plain(event.value, line) if not event.style else event.value, line)
        self._leave()

    def _key(self, holds: dict[str, object], key: str, line: int) -> None:
        place = (*self._place[1:], key)
        if key in holds:
            first = self.lines[place]
            raise _unfit(line, f"{key[:80]!r} is there already, in line {first}. Take one of them out.")
        self.lines[place] = line  # of the key: its value may begin below

    def _begin(
        self, holds: dict[str, object] | list[object], event: yaml.CollectionStartEvent, line: int
    ) -> None:
        _refuse_marks(event, line)
        if len(self._open) == _MAX_DEPTH:
            raise _unfit(line, f"It is nested more than {_MAX_DEPTH} deep. Nothing that is read here is.")
        inner = self._open[-1] if self._open else None
        if inner is not None and isinstance(inner.holds, dict) and inner.key is None:
            raise _unfit(
                line, "A key is a word, not a list or a mapping. Put it in quotes if it begins like one."
            )
        self._enter(holds, line)
        self._open.append(_Open(holds))

    def _enter(self, value: object, line: int) -> None:
        if not self._open:
            self.value = value
            self.lines[()] = line
            self._place.append("")  # what `_leave` takes off again
            return
        inner = self._open[-1]
        if isinstance(inner.holds, dict):
            assert inner.key is not None
            step: str | int = inner.key
            inner.holds[inner.key] = value
            inner.key = None
        else:
            step = len(inner.holds)
            inner.holds.append(value)
        self._place.append(step)
        self.lines.setdefault(tuple(self._place[1:]), line)

    def _leave(self) -> None:
        self._place.pop()


def is_word(text: str) -> bool:
    """Say whether the text is read as it is where no quotes are around it."""
    return text not in _WORDS and _NUMBER.fullmatch(text) is None


def _plain(text: str, line: int) -> object:
    if text in _WORDS:
        return _WORDS[text]
    if _NUMBER.fullmatch(text):
        if len(text) > _LONGEST_NUMBER:
            raise _unfit(
                line, "This number is longer than any that is used here. Put it in quotes if it is text."
            )
        return int(text) if _INTEGER.fullmatch(text) else float(text)
    return text


def _refuse_marks(event: yaml.ScalarEvent | yaml.CollectionStartEvent, line: int) -> None:
    if event.anchor is not None:
        raise _unfit(
            line, "Anchors (&) and aliases (*) are not read here. Write it out, or put it in quotes."
        )
    if event.tag is not None:
        raise _unfit(line, "Tags (!) are not read here. Take it out, or put the text in quotes.")


def _unfit(line: int, message: str) -> UnfitDocument:
    return UnfitDocument([Problem(line=line, field="", message=message)])
