"""The frame round every page: shell, skip link, banner, and one `h1` with its actions."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
from fastapi import Request
from nicegui import Client, ui
from nicegui.element import Element
from nicegui.elements.mixins.text_element import TextElement

from services.ui.joined import preload_html
from services.ui.models import Health, Person
from services.ui.theme import STATIC, head_html
from services.ui.words import head_mark, say
from shared.domain.access import Who

# Loaded by name from every component; NiceGUI serves them under a name that changes with the file.
_LIBRARIES: Final[list[str | Path]] = [
    STATIC / name
    for name in (
        *(
            "jp_words.js",
            "jp_format.js",
            "jp_core.js",
            "jp_prefs.js",
            "jp_controls.js",
            "jp_dialogs.js",
            "jp_why.js",
        ),
        *("jp_schedule.js", "jp_run.js", "jp_palette.js", "jp_bulk.js", "jp_views.js"),
    )
]


# Seen until the scripts have drawn the page: the first paint does not wait for them.
_OUTLINE: Final = '<div class="jp-boot" aria-hidden="true"><div></div><div></div></div>'


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What the frame shows around a page: who looks, and how the portal stands."""

    who: Who | None
    """None where nobody is known."""
    person: Person
    health: Health
    jobs: int | None
    version: str
    build: str


ViewOf = Callable[[Request], Awaitable[View]]
"""Load the frame's facts for a request."""


class Shell(Element, component="shell.js", dependencies=_LIBRARIES):
    """Navigation, health pill and banner, preferences, toasts and shortcuts."""

    def __init__(self, view: View, *, active: str) -> None:
        super().__init__()
        self.props["active"] = active
        self.props["user"] = None if view.who is None else _told(view.who)
        self.props["person"] = msgspec.to_builtins(view.person)
        self.props["health"] = msgspec.to_builtins(view.health)
        self.props["jobs"] = view.jobs
        self.props["version"] = view.version
        self.props["build"] = view.build


def _told(who: Who) -> dict[str, object]:
    """Return what the page knows of who looks: enough not to offer what they may not do."""
    return {"name": who.name, "role": who.role, "grants": dict(who.grants)}


@contextmanager
def frame(view: View, *, title: str, active: str = "") -> Iterator[None]:
    """Draw the frame and yield inside of its content; `title` is plain text."""
    client = ui.context.client
    client.title = f"{title} · {say('Job Trigger Portal')}"
    ui.add_head_html(head_mark() + head_html(view.person.theme.value) + preload_html())
    ui.add_body_html(_OUTLINE)
    with client.layout:
        # Before the page's <main>: skip link first, navigation second, then the content.
        Shell(view, active=active).move(client.layout, target_index=0)
    _mark_main(client)
    with box("jp-page"):
        # The shell puts its banner here, so that it is read in its place.
        Element("div").props("id=jp-banner")
        yield


@contextmanager
def head(title: str, *, sub: str = "") -> Iterator[None]:
    """Draw the page's `h1` and yield where its actions go."""
    with box("jp-head"):
        with box("jp-head__title"):
            text(title, tag="h1")
            if sub:
                text(sub, classes="jp-head__sub")
        with box("jp-head__do"):
            yield


def link_button(words: str, href: str, *, main: bool = False) -> None:
    """Draw a link that looks like a button."""
    link(words, href).classes("jp-btn jp-btn--main" if main else "jp-btn")


def link(words: str, href: str) -> Element:
    """Draw a link; `href` is an address of the portal itself."""
    element = text(words, tag="a")
    element.props["href"] = href
    return element


def crumbs(*path: tuple[str, str]) -> None:
    """Draw where this page is: pairs of words and address."""
    with Element("nav").classes("jp-crumbs").props(f'aria-label="{say("You are here")}"'):
        for index, (words, href) in enumerate(path):
            if index:
                text("/", tag="span")
            link(words, href)


def text(words: str, *, tag: str = "span", classes: str = "") -> Element:
    """Draw plain text; it is never read as markup."""
    return TextElement(tag=tag, text=words).classes(classes)


def _mark_main(client: Client) -> None:
    page = client.content.parent_slot.parent if client.content.parent_slot else None
    if page is not None:
        page.props("id=jp-main tabindex=-1")


def box(classes: str) -> Element:
    """Draw a plain block with our classes."""
    return Element("div").classes(classes)
