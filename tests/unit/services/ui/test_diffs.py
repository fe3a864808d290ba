"""What is told of two texts."""

from hypothesis import given
from hypothesis import strategies as st

from services.ui.queries.diffs import MOST_COMPARED, MOST_LINES, Diff, DiffLine, compared

TEXTS = st.lists(st.sampled_from(["a", "b", "", "c\r", "\u202ed"]), max_size=30).map("\n".join)


@given(TEXTS, TEXTS)
def test_both_texts_can_be_read_from_what_is_told(old: str, new: str) -> None:
    found = compared(old, new)

    said = {kind: [one for one in found.lines if one.kind == kind] for kind in ("same", "added", "removed")}
    before, after = old.split("\n"), new.split("\n")
    assert all(before[(one.old or 0) - 1] == one.text for one in (*said["same"], *said["removed"]))
    assert all(after[(one.new or 0) - 1] == one.text for one in (*said["same"], *said["added"]))
    kept = [text for at, text in enumerate(before, 1) if at not in {one.old for one in said["removed"]}]
    assert kept == [text for at, text in enumerate(after, 1) if at not in {one.new for one in said["added"]}]
    assert (found.added, found.removed) == (len(said["added"]), len(said["removed"]))


def test_a_change_is_told_with_what_surrounds_it() -> None:
    old = [str(number) for number in range(1, 21)]
    new = [*old[:9], "ten", *old[10:]]

    lines = compared("\n".join(old), "\n".join(new)).lines

    assert [one.kind for one in lines] == ["gap", *["same"] * 3, "removed", "added", *["same"] * 3]
    assert lines[4:6] == (
        DiffLine(kind="removed", old=10, text="10"),
        DiffLine(kind="added", new=10, text="ten"),
    )


def test_what_is_told_has_a_bound() -> None:
    whole = compared("", "\n".join(map(str, range(MOST_COMPARED - 10))))
    wide = compared("", "x" * 1_000_000)
    many = compared("", "\n".join(map(str, range(MOST_COMPARED + 10))))

    assert (len(whole.lines), whole.cut) == (MOST_LINES, True)
    assert max(len(one.text) for one in wide.lines) < 500
    assert many == Diff(problem=f"More than {MOST_COMPARED:,} lines differ: too many to be compared here.")
