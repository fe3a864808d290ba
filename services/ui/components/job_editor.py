"""The job form. It lives in the browser, so that what was typed survives a restart of the portal.

It saves through the REST API: the same checks, the same messages, at the same fields.
"""

import msgspec
from nicegui.element import Element

from services.ui.models import JobItem


class JobEditor(Element, component="job_editor.js"):
    """A new job (`None`) or a change of one."""

    def __init__(self, job: JobItem | None) -> None:
        super().__init__()
        self.props["initial"] = None if job is None else msgspec.to_builtins(job)
