"""Calendars over the API: kept, judged by, and not deleted while a job uses them."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import update

from services.ui.app import Parts
from shared.db.calendars import calendars_by_ids
from shared.db.engine import Database
from shared.db.tables import CalendarRow, JobRow
from shared.domain.calendars import from_json, to_json
from shared.domain.ids import CalendarId, JobId
from shared.domain.policy import Policy, policy_to_json
from tests.integration.ui.history import THEN, an_old_job, rows_of
from tests.integration.ui.stage import a_job

CALENDARS = "/api/v1/calendars"
XMAS = {"on": "2026-12-25", "label": "Christmas Day"}
BODY = {"name": "Holidays", "zone": "Asia/Hong_Kong", "kind": "dates", "dates": [XMAS]}
OFFICE = {
    "name": "Office",
    "zone": "UTC",
    "kind": "weekly",
    "windows": [{"days": ["mon", "fri"], "from": "09:00", "until": "18:00"}],
}
FILE = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//somebody//EN
BEGIN:VEVENT
UID:1
DTSTAMP:20260101T000000Z
DTSTART;VALUE=DATE:20261225
DTEND;VALUE=DATE:20261227
SUMMARY:Closed
END:VEVENT
END:VCALENDAR
"""


async def kept(client: httpx.AsyncClient, **changes: object) -> dict[str, Any]:
    response = await client.post(CALENDARS, json={**BODY, **changes})
    assert response.status_code == 201, response.text
    return response.json()


async def judged_by(
    database: Database, job_id: JobId, calendar: dict[str, Any], way: str = "exclude"
) -> None:
    policy = Policy(**{way: (CalendarId(UUID(calendar["id"])),)})
    async with database.ledger.begin() as session:
        await session.execute(update(JobRow).where(JobRow.id == job_id).values(policy=policy_to_json(policy)))


async def test_a_calendar_is_kept_as_it_was_given(client: httpx.AsyncClient) -> None:
    dates, weekly = await kept(client), await kept(client, **OFFICE)

    items = (await client.get(CALENDARS)).json()["items"]

    assert items == [dates, weekly]
    assert (dates["version"], dates["used_by"]) == (1, [])
    assert dates["spec"]["dates"] == [XMAS]
    assert weekly["spec"]["windows"] == OFFICE["windows"]
    assert dates["text"]
    assert (await client.get(f"{CALENDARS}/{dates['id']}")).json() == dates


async def test_what_is_kept_is_whole_by_itself(client: httpx.AsyncClient, database: Database) -> None:
    await kept(client)

    (row,) = await rows_of(database, CalendarRow)

    assert to_json(from_json(row.spec)) == row.spec == {**BODY, "dates": [XMAS]}


@pytest.mark.parametrize(
    ("changes", "field", "status"),
    [
        ({"name": " "}, "name", 422),
        ({"zone": "HKT"}, "zone", 422),
        ({"kind": "lunar"}, "kind", 422),
        ({"dates": []}, "dates", 422),
        ({"dates": ["2026-02-30"]}, "dates", 422),
        ({"kind": "weekly", "windows": [{"days": ["mon"], "from": "25:00", "until": "9"}]}, "windows", 422),
        ({"name": "kept already"}, "name", 409),
    ],
)
async def test_a_bad_field_is_named_and_nothing_is_kept(
    client: httpx.AsyncClient, database: Database, changes: dict[str, object], field: str, status: int
) -> None:
    await kept(client, name="Kept already")

    response = await client.post(CALENDARS, json={**BODY, **changes})

    assert (response.status_code, response.json()["field"]) == (status, field)
    assert len(await rows_of(database, CalendarRow)) == 1


async def test_an_edit_plans_the_jobs_anew_that_are_judged_by_it(
    client: httpx.AsyncClient, parts: Parts, database: Database
) -> None:
    calendar = await kept(client)
    used, other = await a_job(parts, name="used"), await a_job(parts, name="other")
    await judged_by(database, used, calendar)
    edited = {**BODY, "dates": ["2026-12-26"], "version": 1}

    renamed = await client.patch(f"{CALENDARS}/{calendar['id']}", json={**BODY, "name": "Xmas", "version": 1})
    stale = await client.patch(f"{CALENDARS}/{calendar['id']}", json=edited)
    versions = [(await client.get(f"/api/v1/jobs/{one}")).json()["version"] for one in (used, other)]
    fresh = await client.patch(f"{CALENDARS}/{calendar['id']}", json={**edited, "version": 2})
    later = [(await client.get(f"/api/v1/jobs/{one}")).json()["version"] for one in (used, other)]

    assert (renamed.status_code, stale.status_code, fresh.status_code) == (200, 409, 200)
    assert (versions, later) == ([1, 1], [2, 1])
    assert (fresh.json()["version"], fresh.json()["name"]) == (3, "Holidays")


async def test_a_calendar_in_use_is_not_deleted_and_says_by_whom(
    client: httpx.AsyncClient, parts: Parts, database: Database
) -> None:
    calendar = await kept(client)
    for name in ("d", "a", "c", "b"):
        await judged_by(database, await a_job(parts, name=name), calendar, "include")
    address = f"{CALENDARS}/{calendar['id']}"

    refused = await client.delete(address)
    users = (await client.get(address)).json()["used_by"]
    for user in users:
        await client.delete(f"/api/v1/jobs/{user['id']}")
    deleted = await client.delete(address)

    assert refused.status_code == 409
    assert "used by a, b, c and 1 more" in refused.json()["detail"]
    assert [user["name"] for user in users] == ["a", "b", "c", "d"]
    assert (deleted.status_code, (await client.get(address)).status_code) == (204, 404)
    assert (await client.get(CALENDARS)).json()["items"] == []
    assert (await client.post(CALENDARS, json=BODY)).status_code == 201


async def test_a_deleted_calendar_still_judges_what_is_restored(
    client: httpx.AsyncClient, database: Database
) -> None:
    calendar = await kept(client)
    known = CalendarId(UUID(calendar["id"]))
    await client.delete(f"{CALENDARS}/{calendar['id']}")

    async with database.reading() as session:
        found = await calendars_by_ids(session, {known})

    assert found[known].contains(datetime(2026, 12, 25, 4, tzinfo=UTC))


async def test_an_excluded_instant_says_by_which_calendar(
    client: httpx.AsyncClient, parts: Parts, database: Database
) -> None:
    days = [{"on": (THEN + timedelta(days=n)).date().isoformat(), "label": "Typhoon"} for n in (-1, 0, 1)]
    calendar = await kept(client, zone="UTC", dates=days)
    job_id = await an_old_job(parts, database)
    await judged_by(database, job_id, calendar)

    found = (await client.get(f"/api/v1/jobs/{job_id}/why", params={"at": THEN.isoformat()})).json()

    assert (found["verdict"], found["text"]) == ("excluded", "Excluded by calendar Holidays: Typhoon")


async def test_hong_kongs_holidays_are_built_in(client: httpx.AsyncClient) -> None:
    spec = (await client.get(f"{CALENDARS}/hong-kong")).json()

    assert {"on": "2026-12-25", "label": "Christmas Day"} in spec["dates"]
    assert (await client.post(CALENDARS, json=spec)).status_code == 201


async def test_a_file_fills_the_form_and_keeps_nothing(client: httpx.AsyncClient, database: Database) -> None:
    body = {"ics": FILE, "zone": "UTC", "first_year": 2026, "last_year": 2027}

    form = (await client.post(f"{CALENDARS}/read-file", json=body)).json()
    bad = await client.post(f"{CALENDARS}/read-file", json={**body, "ics": "no calendar"})

    closed = [{"on": "2026-12-25", "label": "Closed"}, {"on": "2026-12-26", "label": "Closed"}]
    assert (form["kind"], form["dates"]) == ("dates", closed)
    assert (bad.status_code, bad.json()["field"]) == (422, "ics")
    assert await rows_of(database, CalendarRow) == []


async def test_a_country_that_is_none_is_refused(client: httpx.AsyncClient) -> None:
    body = {"country": "XX", "first_year": 2026, "last_year": 2026}

    response = await client.post(f"{CALENDARS}/read-country", json=body)

    assert (response.status_code, response.json()["field"]) == (422, "country")


@pytest.mark.parametrize("method", ["GET", "DELETE", "PATCH"])
async def test_an_unknown_calendar_is_not_found(client: httpx.AsyncClient, method: str) -> None:
    body = {**BODY, "version": 1} if method == "PATCH" else None

    response = await client.request(method, f"{CALENDARS}/{uuid4()}", json=body)

    assert response.status_code == 404
