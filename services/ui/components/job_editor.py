"""The job form. It lives in the browser, so that what was typed survives a restart of the portal.

It saves through the REST API: the same checks, the same messages, at the same fields.
"""

from pathlib import Path
from typing import Final

import msgspec
from nicegui.element import Element

from services.ui.models import JobItem
from services.ui.theme import STATIC

_LIBRARIES: Final[list[str | Path]] = [
    STATIC / name
    for name in (
        "jp_chain.js",
        "jp_history.js",
        "jp_retries.js",
        "jp_limits.js",
        "jp_output.js",
        "jp_resources.js",
        "jp_rules.js",
        "jp_secrets.js",
        "jp_upload.js",
    )
]


class JobEditor(Element, component="job_editor.js", dependencies=_LIBRARIES):
    """A new job (`None`) or a change of one."""

    def __init__(self, job: JobItem | None) -> None:
        super().__init__()
        self.props["initial"] = None if job is None else msgspec.to_builtins(job)
