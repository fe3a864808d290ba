"""Cuts lines that are longer than a reader can hold. Pure."""

LONGEST = 2_097_152
"""Characters, to the next line break or carriage return: a progress bar begins anew with each."""
CUT_HERE = " [... line goes on ...]\n"
"""Nothing is lost: what follows is the rest of the line."""


class LongLines:
    """One stream of text; of a line only its length so far is kept."""

    def __init__(self, longest: int = LONGEST) -> None:
        self._longest = longest
        self._length = 0

    def cut(self, text: str) -> str:
        """Return the text with a mark and a line break wherever a line is longer than `longest`."""
        parts, begin, at = list[str](), 0, 0
        while (full := at + self._longest - self._length) < len(text):
            end = _last_break(text, at, full + 1)
            if end >= 0:
                at = end + 1
            else:
                parts += [text[begin:full], CUT_HERE]
                begin = at = full
            self._length = 0
        end = _last_break(text, at, len(text))
        self._length = len(text) - end - 1 if end >= 0 else self._length + len(text) - at
        return "".join([*parts, text[begin:]])

    def begin_line(self) -> None:
        """Note that whatever comes next begins a line."""
        self._length = 0


def _last_break(text: str, start: int, stop: int) -> int:
    return max(text.rfind("\n", start, stop), text.rfind("\r", start, stop))
