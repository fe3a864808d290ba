from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from services.executor.long_lines import LongLines

LONGEST = 16
CUT_HERE = " [... line goes on ...]\n"
LINES = st.lists(
    st.integers(0, 3 * LONGEST) | st.sampled_from([LONGEST - 1, LONGEST, LONGEST + 1, 2 * LONGEST]),
    max_size=5,
)


@given(LINES, st.sampled_from("\n\r"), st.lists(st.integers(0, 4 * LONGEST), max_size=5))
def test_a_long_line_is_cut_and_marked_however_it_comes(
    lengths: list[int], line_break: str, cuts: list[int]
) -> None:
    text = line_break.join("x" * length for length in lengths)
    bounds = sorted({0, *(min(cut, len(text)) for cut in cuts), len(text)})
    lines = LongLines(LONGEST)

    shown = "".join(lines.cut(text[start:end]) for start, end in pairwise(bounds))

    assert shown.replace(CUT_HERE, "") == text
    pieces = shown.replace("\r", "\n").split("\n")
    assert all(len(piece.removesuffix(CUT_HERE[:-1])) <= LONGEST for piece in pieces)
    assert shown.count(CUT_HERE) == sum(max(0, length - 1) // LONGEST for length in lengths)


def test_a_line_that_began_anew_has_its_whole_length_again() -> None:
    lines = LongLines(LONGEST)
    lines.cut("x" * LONGEST)

    lines.begin_line()

    assert lines.cut("x" * LONGEST) == "x" * LONGEST
    assert lines.cut("x") == CUT_HERE + "x"


def test_a_line_break_where_the_text_begins_is_seen() -> None:
    lines = LongLines(LONGEST)
    lines.cut("x" * LONGEST)

    assert lines.cut("\n" + "x" * LONGEST + "\n") == "\n" + "x" * LONGEST + "\n"
    assert lines.cut("\n") == "\n"
    assert lines.cut("x" * LONGEST) == "x" * LONGEST


def test_what_is_not_cut_is_not_copied() -> None:
    text = "x\n" * 20_000

    assert LongLines().cut(text) is text
