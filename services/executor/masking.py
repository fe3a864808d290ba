"""Replaces secrets in what a script prints, wherever reads and flushes cut it. Pure.

Only a secret as it is can be found: one that is printed in base64, reversed or letter by letter is not.
"""

from collections.abc import Iterable, Iterator

Read = bytes | bytearray | memoryview
MASK = b"***"
SHORTEST = 4
"""Bytes. Shorter secrets are not masked: they would be found all over a log, and be guessed by the gaps."""


def patterns_of(secrets: Iterable[str]) -> tuple[bytes, ...]:
    """Return what is looked for: each secret, and each of its lines without the blanks around it."""
    found = {part.encode() for secret in secrets for part in (secret, *map(str.strip, secret.splitlines()))}
    return tuple(sorted(part for part in found if len(part) >= SHORTEST))


class Masker:
    """One stream. Every byte of every occurrence is covered; bytes in a row that are become one `***`.

    What may be the beginning of a secret is held back, at most the longest one's length less one byte,
    until the stream's next read or its end decides: no flush may let half a secret go.
    """

    def __init__(self, patterns: tuple[bytes, ...]) -> None:
        self._patterns = patterns
        self._held = b""
        self._covered = 0
        """How much of what is held belongs to an occurrence that began before it."""
        self._is_masking = False
        """Whether the last byte that left was covered."""

    @property
    def held_bytes(self) -> int:
        """Return how many bytes were read and have not left yet."""
        return len(self._held)

    def take(self, read: Read) -> Read:
        """Take what was read and return what is decided."""
        if not self._patterns:
            return read
        text = self._held + read
        return self._leave(text, min(_undecided_from(text, pattern) for pattern in self._patterns))

    def finish(self) -> bytes:
        """Return the rest: nothing follows."""
        return self._leave(self._held, len(self._held))

    def _leave(self, text: bytes, end: int) -> bytes:
        left, covered_to = list[bytes](), self._covered
        at = min(covered_to, end)
        for start, stop in sorted(span for pattern in self._patterns for span in _occurrences(text, pattern)):
            if start >= end:
                break
            if start > at:
                left.append(text[at:start])
                self._is_masking = False
            if not self._is_masking:
                left.append(MASK)
                self._is_masking = True
            covered_to = max(covered_to, stop)
            at = min(covered_to, end)
        if at < end:
            left.append(text[at:end])
            self._is_masking = False
        self._held, self._covered = text[end:], max(0, covered_to - end)
        return b"".join(left)


def _occurrences(text: bytes, pattern: bytes) -> Iterator[tuple[int, int]]:
    at = text.find(pattern)
    while at >= 0:
        yield at, at + len(pattern)
        at = text.find(pattern, at + 1)


def _undecided_from(text: bytes, pattern: bytes) -> int:
    """Return where the longest end of the text begins with which the pattern may begin."""
    at = text.find(pattern[0], max(0, len(text) - len(pattern) + 1))
    while at >= 0:
        if pattern.startswith(text[at:]):
            return at
        at = text.find(pattern[0], at + 1)
    return len(text)
