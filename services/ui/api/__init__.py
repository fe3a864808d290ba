"""The REST API `/api/v1` and the health endpoints.

JSON is encoded from the read models by msgspec; pydantic judges what comes in. Errors are problem
documents (RFC 9457) with the `field` that is wrong, where there is one.
"""

from fastapi import FastAPI

from services.ui.api import (
    alerts,
    bulk,
    calendars,
    controls,
    files,
    health,
    history,
    insights,
    instants,
    jobs,
    limits,
    many_runs,
    mutes,
    parked,
    people,
    problems,
    runs,
    schedules,
    scripts,
    secrets,
    tokens,
    users,
    views,
    week,
)
from services.ui.portal import Portal


def register(app: FastAPI, portal: Portal) -> None:
    """Add the API's routes and error answers to the app."""
    problems.register(app, portal.access)
    for module in (
        alerts,
        bulk,
        calendars,
        controls,
        files,
        health,
        history,
        insights,
        instants,
        jobs,
        limits,
        many_runs,
        mutes,
        parked,
        people,
        runs,
        schedules,
        scripts,
        secrets,
        tokens,
        users,
        views,
        week,
    ):
        app.include_router(module.router(portal))
