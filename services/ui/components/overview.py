"""The overview as one element: figures, timeline, what needs attention, what is next."""

from nicegui.element import Element


class Overview(Element, component="overview.js"):
    """Fetches `/overview` and fetches again when runs end."""
