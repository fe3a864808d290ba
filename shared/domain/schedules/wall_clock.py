"""The instants of a rule in a time zone: the one place that says what happens where clocks are set.

| | the wall time does not exist (gap) | it comes twice (fold) |
|---|---|---|
| fixed | the first instant after the gap, once; never, if the gap is longer than 3 h | the first occurrence |
| follows real time | no fire | both occurrences |
"""

from collections.abc import Iterator
from dataclasses import dataclass

from shared.domain.schedules.rule import Rule
from shared.domain.schedules.zones import DAY, END, Span, is_short, span_at

_FAR = 3 * DAY
"""More than any two local times of one instant differ, and more than any fold repeats."""
_NEVER = 2 * END
"""A local time later than any span's end. Even then a fold ahead may bring back a match."""


@dataclass(frozen=True, slots=True)
class WallClock:
    """A rule that is followed in a zone; instants are whole seconds since 1970 in UTC."""

    rule: Rule
    zone: str

    def first_from(self, second: int, last: int = END + DAY) -> int | None:
        """Return the first fire at or after `second`; None if there is none up to `last`.

        A fire a little later than `last` may be returned too: the caller who sets it compares.
        """
        begin = second = max(second, -DAY)
        searched, found = 0, -1  # nothing matches from `searched` up to `found`
        while second <= last:
            span = span_at(self.zone, second)
            local = self._local(span, second)
            if not searched <= local <= found:
                match = self.rule.first_from(local, last + _FAR)
                searched, found = local, _NEVER if match is None else match
            at = max(found - span.offset, span.start)
            if at < span.end:
                return at
            second = span.end
            if second - begin > _FAR:  # no fold brings back what was searched: go near the match at once
                second = max(second, found - span.offset - _FAR)
        return None

    def last_to(self, second: int) -> int | None:
        """Return the last fire at or before `second`."""
        second = min(second, END + DAY)
        back, newest = 1, None
        while newest is None:
            newest = self.first_from(second - back + 1, second)
            if newest is not None and newest > second:
                newest = None
            if newest is None and back > second + _FAR:
                return None
            back *= 4
        nothing_after = second
        while newest < nothing_after:
            middle = (newest + nothing_after) // 2
            later = self.first_from(middle + 1, nothing_after)
            if later is None or later > nothing_after:
                nothing_after = middle
            else:
                newest = later
        return newest

    def count(self, begin: int, end: int) -> int:
        """Return how many fires lie in [begin, end), in time that grows with years, not with fires."""
        second, count, end = max(begin, -DAY), 0, min(end, END + DAY)
        while second < end:
            span = span_at(self.zone, second)
            until = min(span.end, end)
            local = self._local(span, second)
            if local < span.local_start:
                # All that falls into a gap is one fire, unless the gap's end is a fire of its own.
                gap = self.rule.count(local, span.local_start)
                count += 1 if gap and not self.rule.count(span.local_start, span.local_start + 1) else 0
                local = span.local_start
            count += self.rule.count(local, until + span.offset)
            second = until
        return count

    def clock_changes(self, begin: int, end: int) -> Iterator[Span]:
        """Yield the spans that begin in [begin, end) with a change of the clock."""
        span = span_at(self.zone, begin)
        while span.start < end:
            if span.start >= begin and span.covered != span.local_start:
                yield span
            span = span_at(self.zone, span.end)

    def _local(self, span: Span, second: int) -> int:
        """Return the first wall time that counts at or after an instant."""
        local = second + span.offset
        if not self.rule.is_fixed:
            return local
        if second > span.start:
            return max(local, span.covered)
        return span.covered if is_short(span) else local
