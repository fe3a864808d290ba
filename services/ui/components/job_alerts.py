"""What is told of a job, as one element."""

import msgspec
from nicegui.element import Element

from services.ui.models import JobItem
from services.ui.theme import STATIC


class JobAlerts(Element, component="job_alerts.js", dependencies=[STATIC / "jp_alerts.js"]):
    """Lists the rules that tell of `job`, and where each comes from."""

    def __init__(self, job: JobItem) -> None:
        super().__init__()
        self.props["job"] = msgspec.to_builtins(job)
