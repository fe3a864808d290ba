from datetime import UTC, datetime, timedelta

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from services.executor.chunks import CHUNK_BYTES, Chunk, Chunker
from shared.messages.codec import MAX_BODY
from shared.messages.events import Stream

NOW = datetime(2030, 1, 1, tzinfo=UTC)
OUT, ERR = Stream.STDOUT, Stream.STDERR


def cut(reads: list[tuple[Stream, bytes]], *, max_bytes: int = 1_000_000) -> tuple[Chunker, list[Chunk]]:
    chunker = Chunker(max_bytes=max_bytes)
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
    assert chunker.dropped_bytes == 0


@given(st.lists(st.tuples(st.sampled_from(Stream), st.binary(max_size=50))), st.integers(0, 300))
def test_beyond_the_limit_every_byte_is_counted(reads: list[tuple[Stream, bytes]], limit: int) -> None:
    chunker, chunks = cut(reads, max_bytes=limit)

    printed = sum(len(read) for _, read in reads)
    assert chunker.dropped_bytes == max(0, printed - limit)
    assert chunker.printed_bytes(OUT) + chunker.printed_bytes(ERR) == printed
    assert ("bytes were dropped" in joined(chunks[-1:], ERR)) == (printed > limit)


def test_what_was_dropped_is_said_in_words_on_a_line_of_its_own() -> None:
    _, chunks = cut([(OUT, b"0123456789")], max_bytes=4)

    assert [chunk.text for chunk in chunks] == [
        "0123",
        "\n[6 bytes were dropped: only the first 4 bytes of this run's output are kept]\n",
    ]


def test_a_character_that_arrives_in_pieces_is_one_character() -> None:
    pieces = [bytes([byte]) for byte in "€".encode()]

    _, chunks = cut([(OUT, piece) for piece in pieces])

    assert joined(chunks, OUT) == "€"


def test_half_a_character_at_the_end_is_marked() -> None:
    _, chunks = cut([(OUT, "€".encode()[:2])])

    assert joined(chunks, OUT) == "\ufffd"


def test_a_full_chunk_leaves_without_waiting_for_a_flush() -> None:
    ready = Chunker(max_bytes=1_000_000).take(OUT, b"x" * (2 * CHUNK_BYTES + 1), at=NOW)

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

    assert joined(chunker.finish(at=NOW), OUT) == "kept"
    assert chunker.dropped_bytes == len(b"dropped")
