"""A list of runs as one element."""

from uuid import UUID

from nicegui.element import Element


class RunsTable(Element, component="runs_table.js"):
    """All runs with filters by the URL, or the runs of one job."""

    def __init__(self, *, job_id: UUID | None = None) -> None:
        super().__init__()
        self.props["job"] = None if job_id is None else str(job_id)
