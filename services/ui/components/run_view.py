"""The head and the facts of one run."""

import msgspec
from nicegui.element import Element

from services.ui.models import RunDetail


class RunView(Element, component="run_view.js"):
    """Shows `run` as it was when the page was asked for, and follows it from there."""

    def __init__(self, run: RunDetail) -> None:
        super().__init__()
        self.props["initial"] = msgspec.to_builtins(run)
