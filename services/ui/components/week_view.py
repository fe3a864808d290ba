"""The week of all jobs as one grid of days and hours."""

from nicegui.element import Element


class WeekView(Element, component="week_view.js"):
    """Shows the week that the URL names, by the hour; an hour that is chosen lists its jobs."""
