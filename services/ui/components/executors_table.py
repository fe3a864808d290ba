"""The executors as one element."""

from nicegui.element import Element


class ExecutorsTable(Element, component="executors_table.js"):
    """Health words, slots, and the age of each heartbeat, ticking."""
