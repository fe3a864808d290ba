"""What is different between two texts, line by line, and never more than a page can show. Pure."""

import difflib
from collections.abc import Iterator, Sequence

import msgspec

MOST_LINES = 400
"""So many lines are told, those around the changes included."""
MOST_COMPARED = 1_500
"""So many lines of either text may differ before they are compared: beyond, it takes seconds."""
_MOST_CHARACTERS = 400
_AROUND = 3


class DiffLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the comparison; `gap` stands for equal lines that are left out."""

    kind: str
    """same, added, removed or gap."""
    old: int | None = None
    """Its number in the older text, from 1."""
    new: int | None = None
    text: str = ""


class Diff(msgspec.Struct, frozen=True, kw_only=True):
    """Two texts compared."""

    lines: tuple[DiffLine, ...] = ()
    added: int = 0
    removed: int = 0
    cut: bool = False
    """There is more than `lines` tells."""
    problem: str = ""
    """Why nothing is told, in words."""


def compared(old: str, new: str) -> Diff:
    """Return what to remove from the old text and to add to it to have the new one."""
    before, after = old.split("\n"), new.split("\n")
    start = _alike(before, after)
    end = _alike(before[start:][::-1], after[start:][::-1])
    changed = before[start : len(before) - end], after[start : len(after) - end]
    if max(map(len, changed)) > MOST_COMPARED:
        return Diff(problem=f"More than {MOST_COMPARED:,} lines differ: too many to be compared here.")
    # With what surrounds the changes, so that they are told in their place.
    first = max(0, start - _AROUND)
    last = max(0, end - _AROUND)
    told = list(_told(before[first : len(before) - last], after[first : len(after) - last], first))
    kinds = [one.kind for one in told]
    return Diff(
        lines=tuple(told[:MOST_LINES]),
        added=kinds.count("added"),
        removed=kinds.count("removed"),
        cut=len(told) > MOST_LINES,
    )


def _alike(one: Sequence[str], other: Sequence[str]) -> int:
    """Return how many lines both begin with."""
    most = min(len(one), len(other))
    return next((index for index in range(most) if one[index] != other[index]), most)


def _told(before: list[str], after: list[str], skipped: int) -> Iterator[DiffLine]:
    matcher = difflib.SequenceMatcher(None, before, after)
    for index, group in enumerate(matcher.get_grouped_opcodes(_AROUND)):
        if index or skipped:
            yield DiffLine(kind="gap")
        for tag, old, old_end, new, new_end in group:
            if tag == "equal":
                for at in range(old_end - old):
                    numbers = {"old": skipped + old + at + 1, "new": skipped + new + at + 1}
                    yield DiffLine(kind="same", text=_shown(before[old + at]), **numbers)
                continue
            for at in range(old, old_end):
                yield DiffLine(kind="removed", old=skipped + at + 1, text=_shown(before[at]))
            for at in range(new, new_end):
                yield DiffLine(kind="added", new=skipped + at + 1, text=_shown(after[at]))


def _shown(line: str) -> str:
    return line if len(line) <= _MOST_CHARACTERS else f"{line[:_MOST_CHARACTERS]}…"
