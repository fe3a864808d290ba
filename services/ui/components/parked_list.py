"""Parked messages as one element."""

from nicegui.element import Element


class ParkedList(Element, component="parked_list.js"):
    """Reason, origin and body of each, with what may be done with it."""
