"""The head and the facts of one job, with what can be done to it."""

import msgspec
from nicegui.element import Element

from services.ui.models import JobItem


class JobView(Element, component="job_view.js"):
    """Shows `job` as it was when the page was asked for, and follows it from there."""

    def __init__(self, job: JobItem) -> None:
        super().__init__()
        self.props["initial"] = msgspec.to_builtins(job)
