"""The calendars as one element: a list, and a form that makes and changes them."""

from nicegui.element import Element


class CalendarsView(Element, component="calendars_view.js"):
    """Lists the calendars and edits one in a dialog."""
