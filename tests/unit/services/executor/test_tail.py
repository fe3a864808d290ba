from datetime import UTC, datetime, timedelta

import pytest

from services.executor.tail import Tail, reserve_of
from shared.messages.events import Stream

NOW = datetime(2030, 1, 1, tzinfo=UTC)
SOON = NOW + timedelta(milliseconds=199)
LATER = NOW + timedelta(milliseconds=200)
OUT, ERR = Stream.STDOUT, Stream.STDERR


def pieces(tail: Tail) -> list[tuple[Stream, datetime, bytes, int]]:
    return [(piece.stream, piece.at, bytes(piece.text), piece.printed) for piece in tail]


@pytest.mark.parametrize(("cap", "reserve"), [(0, 0), (100_000, 10_000), (10**7, 256_000), (10**9, 256_000)])
def test_the_reserve_is_a_tenth_of_small_caps(cap: int, reserve: int) -> None:
    assert reserve_of(cap) == reserve


@pytest.mark.parametrize(("size", "piece"), [(0, 1), (31, 1), (32, 2), (256_000, 16_000)])
def test_pieces_are_small_beside_all_of_it(size: int, piece: int) -> None:
    assert Tail(size).piece_bytes == piece


def test_a_piece_is_of_one_stream_and_one_time_and_small() -> None:
    tail = Tail(1_600)
    assert tail.piece_bytes == 100

    for stream, text, at in [
        (OUT, b"a" * 60, NOW),
        (OUT, b"b" * 40, SOON),
        (OUT, b"c", SOON),
        (ERR, b"d", SOON),
        (ERR, b"e", SOON + timedelta(milliseconds=200)),
    ]:
        tail.add(stream, text, printed=len(text), at=at)

    assert pieces(tail) == [
        (OUT, NOW, b"a" * 60 + b"b" * 40, 100),
        (OUT, SOON, b"c", 1),
        (ERR, SOON, b"d", 1),
        (ERR, SOON + timedelta(milliseconds=200), b"e", 1),
    ]


def test_the_oldest_pieces_make_room_and_are_counted_as_they_were_printed() -> None:
    tail = Tail(100)
    tail.add(OUT, b"***", printed=50, at=NOW)
    tail.add(OUT, b"***", printed=50, at=LATER)
    assert [printed for *_, printed in pieces(tail)] == [50, 50]

    tail.add(ERR, b"x", printed=1, at=LATER)

    assert pieces(tail) == [(OUT, LATER, b"***", 50), (ERR, LATER, b"x", 1)]
    assert tail.pushed_out == {OUT: 50, ERR: 0}
    tail.add(ERR, b"y" * 100, printed=100, at=LATER)
    assert pieces(tail) == [(ERR, LATER, b"y" * 100, 100)]
    assert tail.pushed_out == {OUT: 100, ERR: 1}


def test_the_number_of_pieces_is_bounded() -> None:
    tail = Tail(256_000)

    for number in range(2_050):
        tail.add((OUT, ERR)[number % 2], b".", printed=1, at=NOW)

    assert len(pieces(tail)) == 2_048
    assert tail.pushed_out == {OUT: 1, ERR: 1}


def test_a_cleared_tail_has_pushed_out_everything_and_takes_more() -> None:
    tail = Tail(100)
    for stream in (OUT, ERR):
        tail.add(stream, b"x" * 5, printed=5, at=NOW)

    tail.clear()
    tail.add(OUT, b"y", printed=1, at=NOW)

    assert tail.pushed_out == {OUT: 5, ERR: 5}
    assert pieces(tail) == [(OUT, NOW, b"y", 1)]
