"""Texts that would take long if anything did: each at most 255 characters."""


def _filled(item: str, rest: str, *, start: int = 0) -> str:
    """Repeat an item as often as it fits between what stands before it and the rest."""
    return ",".join([item] * ((256 - start - len(rest)) // (len(item) + 1))) + rest


RARE = (
    "0 0 29 2 */7",  # 29 Feb and a Sunday
    "0 0 0 29 2 */7 2000/4",
    "0 0 0 29 2 */7 2088/28",
    "0 0 0 29 2 ? 2196",
    "59 59 23 31 12 ? 2199",
    "0 0 0 1 1 ? 1970",
    "0 0 */31 2,4,6,8 1#1",
    "0 0 ? 2 0#5",
    "0 0 */30 2 */6",
    "0 0 L-28W 2 *",
    "0 0 L-28 2 *",
    "0 0 L-30W * *",
    "* * * * * ? 2199",
    "*/7 */7 */7 */7 */7 */7",
    "0 0 " + _filled("31W", " * *", start=4),
    "0 0 " + _filled("L-30W", " 2-12 *", start=4),
    _filled("59", " 23 31 12 *"),
    _filled("*", " * * * *"),
    "0 0 0 29 2 ? " + ",".join(str(year) for year in range(1972, 2196, 4))[:240].rpartition(",")[0],
)
"""Valid, and rare or costly: their fires lie far apart, or many items name them."""

WRONG = (
    "0 0 30 2 *",
    "0 0 31 2,4,6,9,11 *",
    "0 0 L-30 2 *",
    "0 0 0 29 2 ? " + ",".join(str(year) for year in range(1971, 2199, 4))[:240].rpartition(",")[0],
    "0 0 */100 * MON#2",
    "0 0 " + _filled("31W", " 2 *", start=4),
    _filled("H(0-59)/1", " * * 30 2 *"),
    _filled("H", " 0 30 2 *"),
    _filled("1-59/1", " 24 * * *"),
    _filled("*/1", " * * * MONDAYMONDAY"),
    "* * * * " + "M" * 247,
    "* * * * " + "MOMDAY," * 35,
    "@every " + "1s" * 124,
    "@every " + "1" * 248,
    "@" + "x" * 254,
    "L-" + "9" * 253,
    "9" * 255,
    "(" * 255,
    "-" * 255,
    "/" * 255,
    "," * 255,
    "#" * 255,
    "* " * 127,
    "\t" * 255,
    "\x00" * 255,
    "\U0001f4c5" * 255,
    "٣" * 255,
)
"""Refused, after as much work as a text can cause."""
