"""The versions of a job, as one element."""

import msgspec
from nicegui.element import Element

from services.ui.models import JobItem
from services.ui.theme import STATIC


class JobVersions(Element, component="job_versions.js", dependencies=[STATIC / "jp_history.js"]):
    """Lists what was done to `job`, follows it, and goes back to an earlier version."""

    def __init__(self, job: JobItem) -> None:
        super().__init__()
        self.props["job"] = msgspec.to_builtins(job)
