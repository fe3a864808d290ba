"""Any part of a log by its line numbers, and what is found in it: it is never sent whole."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import msgspec

from services.ui.lines import ERRORS, Line, Splitter, plain
from services.ui.models import AttemptItem
from services.ui.queries.log_index import CUT, FAR, LogIndex, LogIndexes, unpacked
from services.ui.queries.logs import chosen
from services.ui.queries.runs import attempts_of, run_by_id
from shared.db import logs
from shared.db.engine import Database, Sessions
from shared.db.logs import PackedChunk
from shared.domain.ids import AttemptId, RunId

_SEARCHED_BYTES = 8_000_000
_MOST_HITS = 500
_MOST_FULL = 8_000_000
"""Characters of uncut lines in one answer; a longer line is one alone."""
_BATCH = 64


class LineItem(msgspec.Struct, frozen=True, array_like=True):
    """One line: number, rank on stderr, stream, epoch in ms, colours left on, text, its whole length."""

    number: int
    rank: int
    stream: str
    at_ms: int
    codes: str
    text: str
    length: int


class GroupItem(msgspec.Struct, frozen=True, kw_only=True):
    """Lines that fold, from the one with the name to their last; None: it has not come."""

    first: int
    last: int | None
    said: bool
    """The last line says that it is."""
    name: str
    errors: int
    """Lines on stderr in it; while it goes on, those before it."""


class OpenItem(msgspec.Struct, frozen=True, kw_only=True):
    """A line that has no end yet."""

    number: int
    stream: str
    at: datetime
    codes: str
    text: str


class LogTail(msgspec.Struct, frozen=True, kw_only=True):
    """Where the stream goes on after what is stored: subscribe with `after_seq`."""

    seq: int
    open: tuple[OpenItem, ...]
    codes: dict[str, str]
    groups: tuple[GroupItem, ...]


class LogLinesPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some lines of an attempt's log."""

    attempt_id: UUID | None = None
    items: tuple[LineItem, ...] = ()
    lines: int = 0
    """In all, as far as it was looked at."""
    errors: int = 0
    whole: bool = True
    """All that is stored was looked at; else ask again."""
    missing: int = 0
    """Chunks that never came."""
    tail: LogTail | None = None


class Hit(msgspec.Struct, frozen=True, array_like=True):
    """A line in which something was found: its number, its rank on stderr, and how often."""

    number: int
    rank: int
    times: int


class LogHits(msgspec.Struct, frozen=True, kw_only=True):
    """What was found in a part of the log; ask again with `from=next` while `more`."""

    items: tuple[Hit, ...] = ()
    next: int = 1
    more: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LinesWanted:
    """Which lines: at most `limit` from number `first` on; negative: from the end."""

    attempt: int | None = None
    first: int = 1
    limit: int = 256
    only_errors: bool = False
    """Only those on stderr; `first` is a rank then."""
    tail: bool = False
    """Look at what was stored meanwhile, too, and say where to go on."""
    full: bool = False
    """Cut no line; the answer holds fewer lines, at least one, where they are longer than 8 MB together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchWanted:
    """What is looked for, however it is capitalised, from line number `first` on."""

    needle: str
    attempt: int | None = None
    first: int = 1
    only_errors: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LogParts:
    """Any part of any log, and what is known of where its lines begin."""

    database: Database
    indexes: LogIndexes = field(default_factory=LogIndexes)

    async def lines(self, run_id: RunId, which: LinesWanted) -> LogLinesPage:
        """Return some lines of an attempt's log.

        Raises:
            NotFound: no such run or attempt.
        """
        attempt = await attempt_of(self.database, run_id, which.attempt)
        return await lines_of_log(self.database.reading_logs, self.indexes, attempt, which)

    async def hits(self, run_id: RunId, which: SearchWanted) -> LogHits:
        """Return the lines of an attempt's log in which something is found, some 500 at a time.

        Raises:
            NotFound: no such run or attempt.
        """
        attempt = await attempt_of(self.database, run_id, which.attempt)
        return await hits_of_log(self.database.reading_logs, self.indexes, attempt, which)


async def attempt_of(database: Database, run_id: RunId, number: int | None) -> AttemptItem | None:
    """Return the attempt with this number, for None the newest; None when there is no attempt yet.

    Raises:
        NotFound: no such run or attempt.
    """
    async with database.reading() as session:
        # A part of a log is asked for often: the whole run only where it may not be there at all.
        attempts = await attempts_of(session, run_id)
        return chosen(attempts or (await run_by_id(session, run_id)).attempts, number)


async def lines_of_log(
    sessions: Sessions, indexes: LogIndexes, attempt: AttemptItem | None, which: LinesWanted
) -> LogLinesPage:
    """Return lines by their numbers; what is not there is left out."""
    if attempt is None:
        return LogLinesPage()
    index = await _index(sessions, indexes, attempt, which)
    total = index.end.errors if which.only_errors else index.end.lines
    begin = max(1, total + which.first + 1 if which.first < 0 else which.first)
    wanted = range(begin, min(total, begin + which.limit - 1) + 1)
    items = await _items(sessions, index, wanted, which)
    return LogLinesPage(
        attempt_id=attempt.id,
        items=tuple(items),
        lines=index.end.lines,
        errors=index.end.errors,
        whole=index.whole,
        missing=index.missing,
        tail=_tail(index) if which.tail else None,
    )


async def hits_of_log(
    sessions: Sessions, indexes: LogIndexes, attempt: AttemptItem | None, which: SearchWanted
) -> LogHits:
    """Return the lines that hold the needle; at most 8 MB, or some 500 lines, are told of in one answer."""
    first, only_errors = which.first, which.only_errors
    if attempt is None or not which.needle:
        return LogHits(next=first)
    index = await _index(sessions, indexes, attempt, LinesWanted(tail=True))
    place = index.places[index.block_of(first, only_errors=False)]
    splitter, folded, hits = Splitter.at(place), which.needle.lower(), list[Hit]()
    left = _SEARCHED_BYTES
    while splitter.seq < index.end.seq and (
        (left > 0 and len(hits) < _MOST_HITS) or _is_held_up(splitter, first)
    ):
        async with sessions() as session:
            found = await logs.packed_after(session, index.attempt_id, splitter.seq, limit=_BATCH)
        chunks = [chunk for chunk in found if chunk.seq <= index.end.seq]
        if not chunks:
            break
        left -= sum(chunk.text_bytes for chunk in chunks)
        hits += await asyncio.to_thread(_looked_through, splitter, chunks, folded, only_errors)
    more = splitter.seq < index.end.seq
    # A line that is about to end is left to the next answer; of one that goes on for long the text is known.
    about_to_end = [one.number for one in splitter.open.values() if more and splitter.seq - one.seq <= FAR]
    unended = [one for one in index.completed(splitter.unended()) if one.number not in about_to_end]
    others = [await index.in_full(sessions, one) for one in unended]
    hits += _hits(others, folded, only_errors=only_errors)
    following = min([splitter.lines + 1, *about_to_end])
    items = sorted({hit.number: hit for hit in hits if hit.number >= first}.values(), key=_number)
    return LogHits(items=tuple(items), next=max(first, following), more=more or not index.whole)


async def _index(
    sessions: Sessions, indexes: LogIndexes, attempt: AttemptItem, which: LinesWanted
) -> LogIndex:
    """Return the attempt's index, extended unless the lines that are asked for are in it already."""
    known = indexes.known(AttemptId(attempt.id))
    if known is not None and not which.tail and which.first > 0:
        end = known.end.errors if which.only_errors else known.end.lines
        if which.first + which.limit - 1 <= end:
            return known
    async with sessions() as session:
        stored = await logs.stored_log(session, AttemptId(attempt.id))
    index = indexes.of(AttemptId(attempt.id), stored=stored.chunks)
    # A chunk may still come while the attempt goes on: up to there nobody can say how lines are numbered.
    await index.extend(sessions, past_holes=attempt.last_seq is not None)
    return index


async def _items(
    sessions: Sessions, index: LogIndex, wanted: range, which: LinesWanted
) -> Sequence[LineItem]:
    found: list[LineItem] = []
    places, at = index.places, index.block_of(wanted.start, only_errors=which.only_errors)
    left = _MOST_FULL
    while len(found) < len(wanted) and at < len(places) and left > 0:
        following = places[at + 1] if at + 1 < len(places) else index.end
        if not which.only_errors or following.errors > places[at].errors:
            for line in await index.block(sessions, at):
                if left > 0 and _is_wanted(line, wanted, only_errors=which.only_errors):
                    whole = await index.in_full(sessions, line) if which.full else line
                    found.append(_item(whole, index.length_of(line), full=which.full))
                    left -= len(whole.text) if which.full else 0
        at += 1
    return found[: len(wanted)]


def _is_wanted(line: Line, wanted: range, *, only_errors: bool) -> bool:
    return line.stream == ERRORS and line.rank in wanted if only_errors else line.number in wanted


def _is_held_up(splitter: Splitter, first: int) -> bool:
    """Say whether an answer that ended here would name the line that it began with as the next one."""
    return any(one.number <= first and splitter.seq - one.seq <= FAR for one in splitter.open.values())


def _looked_through(
    splitter: Splitter, chunks: Sequence[PackedChunk], folded: str, only_errors: bool
) -> list[Hit]:
    """Split only chunks that may hold it: lines are made twenty times more slowly than text is searched."""
    hits: list[Hit] = []
    for chunk in chunks:
        text = unpacked(chunk)
        # A line is looked at when it ends: else a long one would be with each of its chunks.
        is_meant = "\n" in text and (not only_errors or chunk.stream == ERRORS)
        open_line = splitter.open.get(chunk.stream)
        if is_meant and folded in plain((open_line.text if open_line else "") + text).lower():
            lines = splitter.split(chunk.seq, chunk.stream, chunk.at, text)
            hits += _hits(lines, folded, only_errors=only_errors)
        else:
            splitter.skim(chunk.seq, chunk.stream, chunk.at, text)
    return hits


def _hits(lines: Iterable[Line], folded: str, *, only_errors: bool) -> list[Hit]:
    return [
        Hit(line.number, line.rank, times)
        for line in lines
        if (times := plain(line.text).lower().count(folded)) and (not only_errors or line.stream == ERRORS)
    ]


def _number(hit: Hit) -> int:
    return hit.number


def _item(line: Line, length: int, *, full: bool) -> LineItem:
    text = line.text if full else line.text[:CUT]
    at_ms = round(line.at.timestamp() * 1000)
    return LineItem(line.number, line.rank, line.stream, at_ms, line.codes, text, length)


def _tail(index: LogIndex) -> LogTail:
    return LogTail(
        seq=index.end.seq,
        open=tuple(
            OpenItem(number=one.number, stream=stream, at=one.at, codes=one.codes, text=one.text)
            for stream, one in index.open
        ),
        codes=dict(index.end.codes),
        groups=tuple(
            GroupItem(first=one.first, last=one.last, said=one.said, name=one.name, errors=one.errors)
            for one in index.groups
        ),
    )
