"""The Settings page as one element: what a person prefers, and what the portal was started with."""

from dataclasses import asdict, dataclass

from nicegui.element import Element


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What was set where the services are started; nothing of it is secret."""

    version: str
    database: str
    """`sqlite` or `postgresql`."""
    zone: str
    scripts: str
    upload_bytes: int
    """So large may a script be that is uploaded; 0: the portal may not write there."""
    extensions: tuple[str, ...]
    sandboxes: tuple[str, ...]
    """Levels of the executors that are online, each once."""
    max_output: int
    """Bytes."""
    keep_bytes: int
    host: str


class SettingsView(Element, component="settings_view.js"):
    """Shows `facts` as they were when the page was asked for; preferences change at once."""

    def __init__(self, facts: Facts) -> None:
        super().__init__()
        self.props["facts"] = asdict(facts)
