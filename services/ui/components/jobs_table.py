"""The jobs list as one element: rows live in the browser, never as elements on the server."""

from nicegui.element import Element


class JobsTable(Element, component="jobs_table.js"):
    """Search, filters and paging by the URL; last runs arrive live."""
