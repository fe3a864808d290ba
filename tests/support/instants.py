"""Instants and bits as a test writes them."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def utc(text: str) -> datetime:
    """Return the instant that `2026-03-08 07:00` names in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def seconds(text: str) -> int:
    """Return the same in seconds since 1970; a wall time is counted alike."""
    return (utc(text) - EPOCH) // timedelta(seconds=1)


def bits(values: Iterable[int]) -> int:
    """Return a number in which bit n is set for each n."""
    return sum(1 << value for value in set(values))


def values(bits: int) -> list[int]:
    """Return which bits are set."""
    return [n for n in range(bits.bit_length()) if bits >> n & 1]
