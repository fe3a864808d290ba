"""From chunks to lines, exactly as the browser makes them in `static/jp_log.js`. Pure.

Chunks cut anywhere. A line is numbered by where it begins: a line of stdout that is still open keeps its
number while whole lines come on stderr.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

ERRORS = "stderr"
MOST_GROUPS = 2_000
"""Of more, the rest of the log is not folded."""
_LONGEST_NAME = 200
_MOST_CODES = 256
_SGR = re.compile("\x1b\\[([0-9;:]*)m")
_ESCAPES = re.compile(
    "\x1b\\[[0-9;:?<=>]*[ -/]*[@-~]|\x1b[\\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\\\)|\x1b[ -/]*[0-~]"
)
_GROUP = re.compile("(?:\x1b\\[[0-9;:]*m)*::(?:group::(.*)|(endgroup)::)", re.DOTALL)


class Line(NamedTuple):
    """A line as it is shown. `codes` are the colours that the lines of its stream before it left on."""

    number: int
    rank: int
    """Which of the lines on stderr it is, from 1; of other lines how many there were."""
    stream: str
    at: datetime
    codes: str
    text: str


@dataclass(slots=True)
class Group:
    """Lines between `::group::` and `::endgroup::`, whichever stream they are on."""

    first: int
    name: str
    errors: int
    """Lines on stderr in it; while it goes on, those before it."""
    last: int | None = None
    said: bool = False
    """Its last line says so; else another one began."""


@dataclass(slots=True)
class OpenLine:
    """A line whose end has not come. It may have two million characters, and come by a hundred."""

    number: int
    rank: int
    at: datetime
    codes: str
    known: str
    seq: int
    """The chunk in which it begins."""
    more: list[str] = field(default_factory=list)
    """What came after `known`: put together when somebody asks, not with every chunk."""

    @property
    def text(self) -> str:
        """Return what has come of it, settled."""
        if self.more:
            self._put_together()
        return self.known

    def add(self, text: str) -> None:
        """Go on with this; of a progress bar only the last part is kept."""
        self.more.append(text)
        if "\r" in text:
            self._put_together()

    def so_far(self) -> "OpenLine":
        """Return it as it is, whatever comes later."""
        return OpenLine(self.number, self.rank, self.at, self.codes, self.text, self.seq)

    def _put_together(self) -> None:
        self.known, self.more = settle("".join((self.known, *self.more))), []


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Between two chunks: what has to be known to go on from there."""

    seq: int = 0
    lines: int = 0
    errors: int = 0
    codes: tuple[tuple[str, str], ...] = ()
    open: tuple[tuple[str, int, int, datetime], ...] = ()
    """Stream, number and rank of lines that have begun, and when."""


@dataclass(slots=True)
class Splitter:
    """Takes the chunks of one attempt in order, those before `place` passed over."""

    seq: int = 0
    lines: int = 0
    errors: int = 0
    codes: dict[str, str] = field(default_factory=dict)
    open: dict[str, OpenLine] = field(default_factory=dict)
    groups: list[Group] = field(default_factory=list)

    @classmethod
    def at(cls, place: Place) -> "Splitter":
        """Go on from a place; the text of a line that has begun before it is not known."""
        begun = {
            stream: OpenLine(number, rank, at, dict(place.codes).get(stream, ""), "", place.seq)
            for stream, number, rank, at in place.open
        }
        return cls(place.seq, place.lines, place.errors, dict(place.codes), begun)

    @property
    def place(self) -> Place:
        """Return where it stands; what an open line switched on so far counts as if it had ended."""
        codes = self.codes | {stream: _left_on(one.codes, one.text) for stream, one in self.open.items()}
        return Place(
            seq=self.seq,
            lines=self.lines,
            errors=self.errors,
            codes=tuple(codes.items()),
            open=tuple((stream, one.number, one.rank, one.at) for stream, one in self.open.items()),
        )

    def skim(self, seq: int, stream: str, at: datetime, text: str) -> OpenLine | None:
        """Count what is in a chunk, without looking at each line; return the open line that it ends."""
        self.seq = seq
        ended, begin = self._go_on(stream, text)
        last = text.rfind("\n") + 1
        if last > begin >= 0:
            whole = text[begin:last]
            if "::group::" in whole or "::endgroup::" in whole:
                for nth, line in enumerate(whole.split("\n"), 1):
                    rank = self.errors + (nth if stream == ERRORS else 0)
                    self._mark(line, self.lines + nth, stream, rank)
            self._count(stream, whole.count("\n"))
            self.codes[stream] = _left_on(self.codes.get(stream, ""), whole)
        if last < len(text) and begin >= 0:
            self._begin(seq, stream, at, text[last:])
        return ended

    def split(self, seq: int, stream: str, at: datetime, text: str) -> Iterator[Line]:
        """Yield the lines that end in a chunk; consume all of them."""
        self.seq = seq
        ended, begin = self._go_on(stream, text)
        if ended is not None:
            yield _ended(stream, ended)
        if begin < 0:
            return
        *whole, rest = text[begin:].split("\n")
        for line in whole:
            self._count(stream, 1)
            codes = self.codes.get(stream, "")
            yield Line(self.lines, self.errors, stream, at, codes, settle(line).rstrip("\r"))
            self.codes[stream] = _left_on(codes, line)
        if rest:
            self._begin(seq, stream, at, rest)

    def unended(self) -> Iterator[Line]:
        """Yield the lines whose end has not come, as far as they are known."""
        for stream, one in self.open.items():
            yield _ended(stream, one)

    def _go_on(self, stream: str, text: str) -> tuple[OpenLine | None, int]:
        """Add to the stream's open line. Return it if it ends, and where the next begins; -1: nowhere."""
        one = self.open.get(stream)
        if one is None:
            return None, 0
        end = text.find("\n")
        one.add(text if end < 0 else text[:end])
        if end < 0:
            return None, -1
        del self.open[stream]
        self.codes[stream] = _left_on(one.codes, one.text)
        self._mark(one.text, one.number, stream, one.rank)
        return one, end + 1

    def _begin(self, seq: int, stream: str, at: datetime, text: str) -> None:
        self._count(stream, 1)
        codes = self.codes.get(stream, "")
        self.open[stream] = OpenLine(self.lines, self.errors, at, codes, settle(text), seq)

    def _count(self, stream: str, lines: int) -> None:
        self.lines += lines
        self.errors += lines if stream == ERRORS else 0

    def _mark(self, line: str, number: int, stream: str, rank: int) -> None:
        """Note the begin or end of a group; one that begins ends the one before."""
        found = _GROUP.match(settle(line).rstrip("\r"))
        if found is None:
            return
        open_group = self.groups[-1] if self.groups and self.groups[-1].last is None else None
        if open_group is not None:
            open_group.last, open_group.said = number if found[2] else number - 1, bool(found[2])
            open_group.errors = rank - open_group.errors - (1 if stream == ERRORS else 0)
        if found[2] is None and len(self.groups) < MOST_GROUPS:
            self.groups.append(Group(number, plain(found[1])[:_LONGEST_NAME], rank))


def settle(text: str) -> str:
    r"""Return what is left of a line: a progress bar writes "10%\r20%", the last part is the line."""
    cut = text.rfind("\r", 0, len(text.rstrip("\r")))
    if cut < 0:
        return text
    return "".join(found[0] for found in list(_SGR.finditer(text, 0, cut))[-8:]) + text[cut + 1 :]


def plain(text: str) -> str:
    """Return a line's text without escape sequences."""
    return _ESCAPES.sub("", text) if "\x1b" in text else text


def _ended(stream: str, one: OpenLine) -> Line:
    return Line(one.number, one.rank, stream, one.at, one.codes, one.text.rstrip("\r"))


def _left_on(codes: str, text: str) -> str:
    """Return the colours that are on after a text, as the sequences since everything was off."""
    if "\x1b" not in text:
        return codes
    off = max(text.rfind("\x1b[0m"), text.rfind("\x1b[m"))
    if off >= 0:
        codes, text = "", text[off:]
    # From the end, for of a long line more than the last are not kept.
    last, at = list[re.Match[str]](), len(text)
    while sum(len(one[0]) for one in last) <= _MOST_CODES and (at := text.rfind("\x1b", 0, at)) >= 0:
        last += filter(None, [_SGR.match(text, at)])
    for one in reversed(last):
        codes = "" if one[1] in {"", "0"} else codes + one[0]
    if len(codes) > _MOST_CODES:
        codes = codes[codes.find("\x1b", len(codes) - _MOST_CODES) :]
    return codes
