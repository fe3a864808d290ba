"""The site map: every page in menu order. A page is: query, draw; the browser subscribes by itself."""

from fastapi import FastAPI, Request
from nicegui import app as nicegui_app

from services.ui import joined
from services.ui.access import known
from services.ui.components.frame import View
from services.ui.pages import (
    account,
    activity,
    alerts,
    calendars,
    executor,
    executors,
    job,
    job_editor,
    jobs,
    missing,
    overview,
    parked,
    run,
    runs,
    scripts,
    secrets,
    settings,
    users,
    week,
)
from services.ui.portal import Portal, person_id_in
from services.ui.theme import STATIC, STATIC_URL
from services.ui.words import language_of, speak

_FOREVER_S = 365 * 24 * 3600


def register(app: FastAPI, portal: Portal) -> None:  # noqa: ARG001 - the door that app.py calls
    """Register every page. Call it once, before `ui.run_with`."""

    async def view_of(request: Request) -> View:
        queries = portal.queries
        person = await queries.person(person_id_in(request.cookies))
        speak(language_of(person.language, request.headers.get("accept-language", "")))
        return View(
            who=known(),
            person=person,
            health=await queries.health(),
            jobs=(await queries.jobs(limit=1)).total,
            version=portal.version,
            build=portal.build,
        )

    joined.register()
    # Pages say themselves what they wait for; Quasar's bar has no name for those who hear the page.
    nicegui_app.config.quasar_config["loadingBar"]["skipHijack"] = True
    # Through NiceGUI's own app: it is mounted last, and its static files come with cache headers.
    nicegui_app.add_static_files(STATIC_URL, STATIC, max_cache_age=_FOREVER_S)
    for page in (overview, jobs, job, job_editor, runs, run, week, calendars, scripts, secrets):
        page.register(portal, view_of)
    for page in (activity, alerts, executors, executor, parked, settings, account, users):
        page.register(portal, view_of)
    missing.register(view_of)
