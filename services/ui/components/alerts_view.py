"""The alerts as one element."""

from nicegui.element import Element

from services.ui.theme import STATIC


class AlertsView(Element, component="alerts_view.js", dependencies=[STATIC / "jp_alerts.js"]):
    """What holds, rules, channels and messages, with dialogs to change them; no address comes here."""
