"""What people did, as one element."""

from nicegui.element import Element

from services.ui.theme import STATIC


class ActivityList(Element, component="activity_list.js", dependencies=[STATIC / "jp_history.js"]):
    """Lists it newest first; the address may name one job."""
