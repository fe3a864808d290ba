"""The table of hostile scripts in the documentation: what their heads say."""

from collections.abc import Sequence
from pathlib import Path

from services.executor.sandbox.fence import Level
from tests.sandbox.headers import Header, Network

PAGE = Path(__file__).parents[2] / "docs" / "security.md"
_BEGIN = "<!-- The table begins: written by python -m tests.sandbox -->\n"
_END = "<!-- The table ends -->\n"
_COLUMNS = (
    ("process", Level.PROCESS, Network.HOST),
    ("restricted, no network", Level.RESTRICTED, Network.NONE),
    ("restricted", Level.RESTRICTED, Network.HOST),
    ("isolated, no network", Level.ISOLATED, Network.NONE),
    ("isolated", Level.ISOLATED, Network.HOST),
)


def table(headers: Sequence[Header]) -> str:
    """Return the table in markdown, with a line of sums."""
    held = [
        [header.must_be_contained(level, network) for header in headers] for _, level, network in _COLUMNS
    ]
    rows = [
        f"| {header.tries} (`{header.script}`) | {' | '.join('held' if one else '—' for one in line)} |"
        for header, line in zip(headers, zip(*held, strict=True), strict=True)
    ]
    sums = " | ".join(f"**{sum(column)} of {len(headers)}**" for column in held)
    return "\n".join(
        (
            f"| A script tries to … | {' | '.join(name for name, _, _ in _COLUMNS)} |",
            f"|---{'|---' * len(_COLUMNS)}|",
            *rows,
            f"| **Held** | {sums} |",
            "",
        )
    )


def committed() -> str:
    """Return the table that the page holds."""
    return PAGE.read_text("utf-8").partition(_BEGIN)[2].partition(_END)[0]


def write(headers: Sequence[Header]) -> None:
    """Put the table into the page."""
    text = PAGE.read_text("utf-8")
    before, _, rest = text.partition(_BEGIN)
    PAGE.write_text(before + _BEGIN + table(headers) + _END + rest.partition(_END)[2], "utf-8")
