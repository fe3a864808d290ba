"""The head and the facts of one job, with what can be done to it."""

from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct
from nicegui.element import Element

from services.ui.chained import ChainGraph
from services.ui.models import JobItem
from services.ui.theme import STATIC

# The rules are said here in the words of the form.
_LIBRARIES: Final[list[str | Path]] = [
    STATIC / name
    for name in (
        "jp_chain.js",
        "jp_retries.js",
        "jp_limits.js",
        "jp_output.js",
        "jp_resources.js",
        "jp_rules.js",
        "jp_script.js",
    )
]


class JobView(Element, component="job_view.js", dependencies=_LIBRARIES):
    """Shows `job` and those around it as they were when the page was asked for, and follows them.

    Why it does not run and what became of its script push down what is below: they come with the page.
    `script` may come later, None.
    """

    def __init__(
        self, job: JobItem, around: ChainGraph, why: Struct, script: Struct | None, *, tab: str = "runs"
    ) -> None:
        super().__init__()
        self.props["around"] = msgspec.to_builtins(around)
        self.props["why"] = msgspec.to_builtins(why)
        self.props["script"] = None if script is None else msgspec.to_builtins(script)
        self.props["tab"] = tab
        self.props["initial"] = msgspec.to_builtins(job)
