"""How a job has been doing, as one element."""

import msgspec
from nicegui.element import Element

from services.ui.models import JobItem


class JobInsights(Element, component="job_insights.js"):
    """Shows the days of `job`, how long its runs took and how late they started."""

    def __init__(self, job: JobItem) -> None:
        super().__init__()
        self.props["job"] = msgspec.to_builtins(job)
