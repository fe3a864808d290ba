from datetime import UTC, datetime, timedelta

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from services.executor.chunks import CHUNK_BYTES, Chunk, Chunker
from services.executor.long_lines import CUT_HERE, LONGEST
from shared.messages.codec import MAX_BODY
from shared.messages.events import Stream

NOW = datetime(2030, 1, 1, tzinfo=UTC)
OUT, ERR = Stream.STDOUT, Stream.STDERR


def cut(
    reads: list[tuple[Stream, bytes]], *, max_bytes: int = 1_000_000, secrets: tuple[str, ...] = ()
) -> tuple[Chunker, list[Chunk]]:
    chunker = Chunker(max_bytes=max_bytes, secrets=secrets)
    chunks = [chunk for stream, read in reads for chunk in chunker.take(stream, read, at=NOW)]
    return chunker, chunks + chunker.finish(at=NOW)


def joined(chunks: list[Chunk], stream: Stream) -> str:
    return "".join(chunk.text for chunk in chunks if chunk.stream is stream)


@given(
    st.lists(
        st.tuples(st.sampled_from(Stream), st.binary(max_size=200) | st.text(max_size=50).map(str.encode))
    )
)
def test_each_stream_is_kept_exactly_however_it_is_cut(reads: list[tuple[Stream, bytes]]) -> None:
    chunker, chunks = cut(reads)

    for stream in Stream:
        printed = b"".join(read for of, read in reads if of is stream)
        assert joined(chunks, stream) == printed.decode("utf-8", "replace").replace("\0", "\ufffd")
        assert chunker.printed_bytes(stream) == len(printed)
        assert chunker.dropped_bytes(stream) == 0


@given(st.lists(st.tuples(st.sampled_from(Stream), st.text("xyz", max_size=50))), st.integers(0, 400))
def test_beyond_the_cap_the_first_and_the_last_are_kept_and_every_other_byte_is_counted(
    reads: list[tuple[Stream, str]], limit: int
) -> None:
    chunker, chunks = cut([(stream, text.encode()) for stream, text in reads], max_bytes=limit)

    kept = 0
    for stream in Stream:
        printed = "".join(text for of, text in reads if of is stream)
        dropped = chunker.dropped_bytes(stream)
        shown = joined(chunks, stream)
        head, mark, tail = shown.partition(f"[... {dropped:,} bytes dropped ...]\n")
        head = head.removesuffix("\n")
        assert bool(mark) == bool(dropped)
        assert printed.startswith(head)
        assert printed.endswith(tail)
        assert len(head) + dropped + len(tail) == len(printed) == chunker.printed_bytes(stream)
        kept += len(head) + len(tail)
    assert kept == sum(chunk.printed for chunk in chunks)
    assert kept <= limit
    assert kept >= min(limit * 0.9, sum(len(text) for _, text in reads))


def test_where_bytes_were_dropped_is_said_on_a_line_of_its_own_in_their_stream() -> None:
    _, chunks = cut([(OUT, b"0" * 90), (ERR, b"e" * 30), (OUT, b"1" * 10)], max_bytes=100)

    assert [(chunk.stream, chunk.text) for chunk in chunks] == [
        (OUT, "0" * 90),
        (ERR, "[... 30 bytes dropped ...]\n"),
        (OUT, "1" * 10),
    ]


def test_the_end_of_the_log_keeps_order_and_times() -> None:
    moments = [NOW + timedelta(seconds=number) for number in range(40)]
    chunker = Chunker(max_bytes=2_000)
    chunker.take(OUT, b"x" * 5_000, at=NOW)

    for number, at in enumerate(moments):
        chunker.take((OUT, ERR)[number % 2], b"%4d\n" % number, at=at)
    chunks = chunker.finish(at=moments[-1])

    assert [(chunk.at, int(chunk.text)) for chunk in chunks[-40:]] == list(
        zip(moments, range(40), strict=True)
    )


def test_a_character_that_the_gap_cuts_is_marked_once_on_each_side() -> None:
    _, chunks = cut([(OUT, b"." + "€".encode() * 200)], max_bytes=100)

    head, _, tail = joined(chunks, OUT).partition("\n[... 501 bytes dropped ...]\n")
    assert head == "." + "€" * 29 + "\ufffd"
    assert tail == "\ufffd" + "€" * 3


def test_what_follows_the_gap_begins_a_line() -> None:
    # The beginning ends just before a line would be cut.
    _, chunks = cut([(OUT, b"x" * 2 * LONGEST)], max_bytes=LONGEST * 10 // 9 - 100)

    head, _, tail = joined(chunks, OUT).partition(" bytes dropped ...]\n")
    assert LONGEST - 100 <= len(head) <= LONGEST
    assert CUT_HERE not in head
    assert set(tail) == {"x"}


def test_a_script_that_alternates_bytes_has_no_more_memory_than_others() -> None:
    chunker, _ = cut([(OUT, b"x" * 90_000), *[(OUT, b"o"), (ERR, b"e")] * 2_000], max_bytes=100_000)

    assert chunker.printed_bytes(ERR) - chunker.dropped_bytes(ERR) == 2_048 // 2


def test_a_secret_is_masked_over_reads_and_over_the_gap_and_every_byte_is_counted() -> None:
    reads = [(OUT, b"hun"), (ERR, b"hunt"), (OUT, b"ter2 ")] + [(OUT, b"hunter2 ")] * 100

    chunker, chunks = cut(reads, max_bytes=100, secrets=("hunter2",))

    masks = joined(chunks, OUT).count("***")
    head, mark, tail = joined(chunks, OUT).partition(
        f"\n[... {chunker.dropped_bytes(OUT)} bytes dropped ...]\n"
    )
    assert mark
    assert set((head + tail).split(" ")) == {"***", ""}
    assert 7 * masks + (head + tail).count(" ") + chunker.dropped_bytes(OUT) == 808
    assert joined(chunks, ERR) == "hunt"


def test_a_flush_holds_back_what_may_become_a_secret() -> None:
    chunker = Chunker(max_bytes=1_000, secrets=("hunter2",))
    chunker.take(OUT, b"Password: hun", at=NOW)

    assert [chunk.text for chunk in chunker.flush()] == ["Password: "]
    assert [chunk.text for chunk in chunker.finish(at=NOW)] == ["hun"]


def test_a_character_that_arrives_in_pieces_is_one_character() -> None:
    pieces = [bytes([byte]) for byte in "€".encode()]

    _, chunks = cut([(OUT, piece) for piece in pieces])

    assert joined(chunks, OUT) == "€"


def test_half_a_character_at_the_end_is_marked() -> None:
    _, chunks = cut([(OUT, "€".encode()[:2])])

    assert joined(chunks, OUT) == "\ufffd"


def test_a_full_chunk_leaves_without_waiting_for_a_flush() -> None:
    chunker = Chunker(max_bytes=1_000_000)
    chunker.take(OUT, b"x\n", at=NOW)

    ready = chunker.take(OUT, b"x\n" * CHUNK_BYTES, at=NOW)

    assert [len(chunk.text) for chunk in ready] == [CHUNK_BYTES, CHUNK_BYTES]


@given(st.sampled_from([b"\x01", b'"', b"\xff", b"\x00", "😀".encode(), b"a"]))
def test_every_chunk_fits_into_a_message(piece: bytes) -> None:
    _, chunks = cut([(OUT, piece * CHUNK_BYTES)])

    assert max(len(msgspec.json.encode(chunk.text)) for chunk in chunks) < MAX_BODY - 2_000


def test_a_change_of_stream_keeps_the_order_of_lines() -> None:
    reads = [(OUT, b"1\n"), (ERR, b"2\n"), (OUT, b"3\n")]

    _, chunks = cut(reads)

    assert [chunk.text for chunk in chunks] == ["1\n", "2\n", "3\n"]


def test_a_script_that_alternates_bytes_cannot_make_a_message_of_each() -> None:
    _, chunks = cut([(OUT, b"o"), (ERR, b"e")] * 5_000)

    assert len(chunks) < 50


def test_a_flush_returns_the_older_stream_first_with_its_own_time() -> None:
    chunker = Chunker(max_bytes=1_000)
    for _ in range(100):  # no cuts are left: both streams now wait
        chunker.take(OUT, b".", at=NOW)
        chunker.take(ERR, b".", at=NOW)
    chunker.flush()
    later = NOW + timedelta(seconds=1)
    for _ in range(21):
        chunker.take(ERR, b"e", at=NOW)
        chunker.take(OUT, b"o", at=later)

    chunks = chunker.flush()

    assert [chunk.at for chunk in chunks] == sorted(chunk.at for chunk in chunks)
    assert not chunker.holds


def test_after_the_last_room_is_gone_the_rest_is_counted() -> None:
    chunker = Chunker(max_bytes=1_000)
    chunker.take(OUT, b"kept", at=NOW)

    chunker.keep_no_more()
    chunker.take(OUT, b"dropped", at=NOW)

    assert joined(chunker.finish(at=NOW), OUT) == "kept\n[... 7 bytes dropped ...]\n"
    assert chunker.dropped_bytes(OUT) == len(b"dropped")
