from collections.abc import Iterable
from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.executor.masking import Masker, patterns_of

SECRETS = ("abacab", "baca", "aaaa", "bacabaab")
"""One within another, one in itself, two that overlap."""
PATTERNS = patterns_of(SECRETS)
PIECES = (*SECRETS, "a", "b", "c", "aba", "bacab")


def masked(text: bytes) -> bytes:
    """The rule, one byte after the other."""
    covered = set[int]()
    for pattern in PATTERNS:
        for at in range(len(text)):
            if text.startswith(pattern, at):
                covered.update(range(at, at + len(pattern)))
    shown = bytearray()
    for at in range(len(text)):
        if at not in covered:
            shown.append(text[at])
        elif at - 1 not in covered:
            shown += b"***"
    return bytes(shown)


def in_parts(text: bytes, bounds: Iterable[int]) -> bytes:
    """Mask it in these parts, and see that no more is held back than has to be."""
    masker, left = Masker(PATTERNS), b""
    for start, end in pairwise(sorted({0, *bounds, len(text)})):
        left += masker.take(text[start:end])
        ends = (text[max(0, end - size) : end] for size in range(10, 0, -1))
        assert masker.held_bytes == max((len(one) for one in ends if could_begin(one)), default=0)
    return left + masker.finish()


def could_begin(end: bytes) -> bool:
    return any(len(end) < len(pattern) and pattern.startswith(end) for pattern in PATTERNS)


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join), st.sets(st.integers(1, 80)))
def test_however_a_text_is_split_the_result_is_that_of_the_whole(text: str, cuts: set[int]) -> None:
    whole = masked(text.encode())

    assert in_parts(text.encode(), (cut for cut in cuts if cut < len(text))) == whole
    assert not any(pattern in whole for pattern in PATTERNS)


@pytest.mark.parametrize(
    "text", [b"abacaabacabbacac", b"cabacababacabaabaaaaac", b"abacabcbacaabacababacabaabbacab"]
)
def test_no_cut_lets_a_secret_through(text: bytes) -> None:
    cuts = range(1, len(text))

    for bounds in (*combinations(cuts, 1), *combinations(cuts, 2), cuts):
        assert in_parts(text, bounds) == masked(text)


@pytest.mark.parametrize(
    ("secret", "printed", "shown"),
    [
        ("hunter2", "a hunter2 b", "a *** b"),
        ("hunter2", "hunter2hunter2", "***"),
        ("abab", "xabababB", "x***B"),
        ("pässword", "<pässword>", "<***>"),
        ("tie", "tie", "tie"),
        ("first line\nsecond\nno\n", "second\r\n  first line, no", "***\r\n  ***, no"),
        ("{\n  'key': 'x'\n}", "'key': 'x'", "***"),
        ("", "", ""),
    ],
)
def test_a_secret_is_masked(secret: str, printed: str, shown: str) -> None:
    masker = Masker(patterns_of([secret]))

    assert (bytes(masker.take(printed.encode())) + masker.finish()).decode() == shown


def test_without_secrets_nothing_is_copied() -> None:
    read = memoryview(b"text")

    assert Masker(()).take(read) is read
