"""Capacity: how many attempts this executor holds at once."""


class Slots:
    """`total` slots for any attempt and one more that only an urgent one may take."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.used = 0

    def has_room(self, *, urgent: bool) -> bool:
        """Say whether an attempt of this kind could start now."""
        return self.used < self.total + (1 if urgent else 0)

    def take(self, *, urgent: bool) -> bool:
        """Take a slot; False when there is none."""
        if not self.has_room(urgent=urgent):
            return False
        self.used += 1
        return True

    def give_back(self) -> None:
        """Free one slot that was taken."""
        assert self.used > 0
        self.used -= 1
