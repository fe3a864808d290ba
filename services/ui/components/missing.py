"""Pages for what is not there, and for what broke while it was drawn."""

from nicegui import ui

from services.ui.components.frame import View, box, frame, head, link_button, text
from services.ui.theme import head_html
from services.ui.words import head_mark, say


def draw_missing(view: View, sentence: str, *, active: str = "") -> None:
    """Draw a whole page that says what is missing, with status 404."""
    ui.context.client.status_code = 404
    with frame(view, title=say("Not found"), active=active):
        with head(say("Not found")):
            pass
        with box("jp-card"), box("jp-empty"):
            text(sentence, tag="p")
            with box("jp-empty__do"):
                link_button(say("All jobs"), "/jobs", main=True)
                link_button(say("Overview"), "/")


def draw_broken(incident: str) -> None:
    """Draw a page without the shell: whatever it needs may be what broke. `incident` is its id in the log."""
    ui.add_head_html(head_mark() + head_html("auto"))
    with box("jp-page"), box("jp-card"), box("jp-empty"):
        text(say("Something went wrong"), tag="h1")
        why = say("The portal could not draw this page. Its log says why, under {0}.")
        text(why.format(incident), tag="p")
        text(say("Jobs go on without it: the scheduler and the executors do not need the portal."), tag="p")
        with box("jp-empty__do"):
            # Where it is: a path may begin with the name of another host, `//host/x`.
            link_button(say("Try again"), "", main=True)
            link_button(say("Overview"), "/")
