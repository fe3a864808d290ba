"""What is wrong in a document: where, and what to write instead."""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.domain.errors import InvalidInput

_SHOWN = 20
"""So many problems are told in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong."""

    line: int
    """Counted from 1."""
    field: str
    """Such as `jobs.Nightly report.timeout_s`; empty: the text itself."""
    message: str

    def __str__(self) -> str:
        """Return it as one line for people."""
        where = f"Line {self.line}: {self.field}" if self.field else f"Line {self.line}"
        return f"{where}: {self.message}"


class UnfitDocument(InvalidInput):
    """A document that cannot be applied; nothing of it was. `problems` has all that was found, by line."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        ordered = sorted(problems, key=lambda one: one.line)
        more = [f"And {len(ordered) - _SHOWN} more."] if len(ordered) > _SHOWN else []
        super().__init__(ordered[0].field or "document", "\n".join([*map(str, ordered[:_SHOWN]), *more]))
        self.problems = tuple(ordered)
