"""What happened in simulated years, in numbers."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass
class Told:
    """What one year had, or many together."""

    years: float = 0.0
    rows: int = 0
    """Promised instants with a row of their own."""
    in_ranges: int = 0
    """Promised instants that missed ranges count."""
    starts: int = 0
    crashes: int = 0
    restarts: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    passed: Counter[str] = field(default_factory=Counter)
    struck: Counter[str] = field(default_factory=Counter)
    complaints: list[str] = field(default_factory=list)
    story: list[str] = field(default_factory=list)
    """What happened around the instant of the first complaint."""

    def add(self, other: "Told") -> None:
        """Count another year in."""
        self.years += other.years
        self.rows += other.rows
        self.in_ranges += other.in_ranges
        self.starts += other.starts
        self.crashes += other.crashes
        self.restarts += other.restarts
        self.counts.update(other.counts)
        self.passed.update(other.passed)
        self.struck.update(other.struck)
        self.complaints += other.complaints

    def summary(self) -> str:
        """Return the figures in one line."""
        return (
            f"{self.years:,.1f} years, {self.rows + self.in_ranges:,} instants ({self.rows:,} in rows of "
            f"their own, {self.in_ranges:,} in missed ranges), {self.starts:,} starts, {self.crashes:,} "
            f"crashes, {self.restarts:,} starts of a scheduler, mismatches {len(self.complaints)}"
        )

    def lines(self) -> Iterator[str]:
        """Yield what else there is to say."""
        yield "what went wrong: " + ", ".join(
            f"{what} {count:,}" for what, count in sorted(self.counts.items())
        )
        spared = sorted(place for place in self.passed if not self.struck[place])
        yield f"died at {len(self.struck):,} of {len(self.passed):,} different awaits"
        if spared:
            yield f"not yet at: {', '.join(spared[:10])}{' ...' if len(spared) > 10 else ''}"
