"""Several schedules per job: what saving keeps, what it renews, and what it refuses."""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import select

from shared.db.engine import Database
from shared.db.tables import CalendarRow, ScheduleRow
from tests.integration.ui.stage import NOW, run_rows

JOBS = "/api/v1/jobs"
NIGHTLY = {"schedule": {"kind": "daily", "at": "02:30"}, "zone": "Europe/London"}
HOURLY = {"schedule": {"kind": "hourly", "minute": 15}}
FAST = {"schedule": {"kind": "interval", "every_s": 60}}
LATER = {"kind": "once", "at": (NOW + timedelta(days=2)).strftime("%Y-%m-%dT%H:%M:%S")}
GONE = {"kind": "once", "at": "2020-01-01T09:00:00"}


def cron(expr: str) -> dict[str, Any]:
    return {"schedule": {"kind": "cron", "expr": expr}}


async def created(client: httpx.AsyncClient, *schedules: dict[str, Any], **changes: object) -> dict[str, Any]:
    body = {"name": "hello", "script": "hello.py", "schedules": list(schedules), **changes}
    answer = await client.post(JOBS, json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def edited(client: httpx.AsyncClient, job: dict[str, Any], **changes: object) -> dict[str, Any]:
    answer = await client.patch(f"{JOBS}/{job['id']}", json={"version": job["version"], **changes})
    assert answer.status_code == 200, answer.text
    return answer.json()


def sent(job: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a job's schedules as its form sends them back."""
    return [{key: one[key] for key in ("id", "schedule", "zone", "args")} for one in job["schedules"]]


async def rows(database: Database) -> dict[str, bool]:
    """Return the ids of all schedules, and whether they are followed."""
    async with database.reading() as session:
        found = await session.execute(select(ScheduleRow.id, ScheduleRow.retired_at))
        return {str(row.id): row.retired_at is None for row in found}


async def test_a_job_follows_all_of_its_schedules(client: httpx.AsyncClient) -> None:
    job = await created(client, NIGHTLY, {**HOURLY, "args": ["--quick"]}, FAST)

    shown = job["schedules"]
    assert [one["schedule"]["kind"] for one in shown] == ["daily", "hourly", "interval"]
    assert [one["zone"] for one in shown] == ["Europe/London", "Asia/Hong_Kong", "Asia/Hong_Kong"]
    assert [one["args"] for one in shown] == [None, ["--quick"], None]
    assert job["schedule_text"] == "Every day at 02:30 (Europe/London); every hour at :15; 1 more"
    assert job["next_due_at"] == min(one["next_at"] for one in shown)
    assert job["schedule"] == shown[0]["schedule"]


async def test_what_did_not_change_keeps_its_id_and_the_rest_is_retired(
    client: httpx.AsyncClient, database: Database
) -> None:
    job = await created(client, NIGHTLY, HOURLY, FAST)
    nightly, hourly, fast = sent(job)

    changed = await edited(client, job, schedules=[nightly, {**hourly, "args": ["new"]}, {"schedule": LATER}])

    kept, renewed, added = (one["id"] for one in changed["schedules"])
    assert kept == nightly["id"]
    assert {renewed, added} & {one["id"] for one in job["schedules"]} == set()
    assert await rows(database) == {
        kept: True, hourly["id"]: False, fast["id"]: False, renewed: True, added: True,
    }  # fmt: skip


@pytest.mark.parametrize(
    "change", [{"zone": "Europe/Paris"}, {"args": ["x"]}, {"schedule": {"kind": "hourly", "minute": 16}}]
)
async def test_a_changed_rule_zone_or_argument_is_another_schedule(
    client: httpx.AsyncClient, change: dict[str, Any]
) -> None:
    job = await created(client, HOURLY)

    changed = await edited(client, job, schedules=[{**sent(job)[0], **change}])

    assert changed["schedules"][0]["id"] != job["schedules"][0]["id"]


async def test_saving_a_job_as_it_is_changes_no_schedule(
    client: httpx.AsyncClient, database: Database
) -> None:
    hashed = cron("H 4 * * *")
    macro = cron("@daily")
    weekly = {
        "schedule": {
            "kind": "weekly",
            "at": "09:00",
            "days": ["fri", "mon"],
            "every": 2,
            "start": "2026-01-05",
        }
    }
    monthly = {"schedule": {"kind": "monthly", "at": "09:00", "day": 31, "short_months": "clamp"}}
    job = await created(client, NIGHTLY, FAST, hashed, macro, weekly, monthly, {"schedule": LATER})

    again = await edited(client, job, schedules=sent(job))
    without_ids = await edited(client, again, schedules=[{**one, "id": None} for one in sent(job)])
    untouched = await edited(client, without_ids, description="new words")

    assert untouched["schedules"] == job["schedules"]
    assert len(await rows(database)) == 7


async def test_an_interval_keeps_the_grid_of_the_one_it_replaces(client: httpx.AsyncClient) -> None:
    job = await created(client, NIGHTLY, FAST)
    nightly, fast = sent(job)

    changed = await edited(
        client, job, schedules=[nightly, {**fast, "schedule": {"kind": "interval", "every_s": 90}}]
    )

    assert changed["schedules"][1]["schedule"] == {**fast["schedule"], "every_s": 90}


async def test_h_is_expanded_by_the_jobs_id_and_stays_so(client: httpx.AsyncClient) -> None:
    one = await created(client, cron("H H(1-5) * * *"))
    same = await edited(client, one, schedules=[cron("H H(1-5) * * *")])
    others = [(await created(client, cron("H H(1-5) * * *"), name=f"job {n}")) for n in range(5)]

    rule = one["schedules"][0]["schedule"]
    assert rule["typed"] == "H H(1-5) * * *"
    assert "H" not in rule["expr"]
    assert same["schedules"] == one["schedules"]
    assert len({other["schedules"][0]["schedule"]["expr"] for other in others}) > 1


async def test_every_becomes_an_interval(client: httpx.AsyncClient) -> None:
    job = await created(client, cron("@every 1h30m"))

    assert job["schedules"][0]["schedule"]["kind"] == "interval"
    assert job["schedule_text"] == "Every 90 minutes"


async def test_a_once_that_has_passed_may_stay_while_other_things_change(
    client: httpx.AsyncClient, database: Database
) -> None:
    job = await created(client, {"schedule": LATER})
    async with database.ledger.begin() as session:
        row = await session.scalar(select(ScheduleRow))
        assert row is not None
        row.spec = GONE

    changed = await edited(client, job, description="it ran")

    assert (changed["schedule"], changed["next_due_at"]) == (GONE, None)


async def test_no_schedule_at_all_is_manual(client: httpx.AsyncClient) -> None:
    job = await created(client)

    assert (job["schedule_text"], job["next_due_at"]) == ("Manual only", None)


@pytest.mark.parametrize(
    ("schedules", "field", "says"),
    [
        ([HOURLY, {**HOURLY, "zone": "HKT"}], "schedules.1.zone", "HKT is an abbreviation: choose Asia/"),
        ([{**HOURLY, "zone": "CST"}], "schedules.0.zone", "choose Asia/Shanghai or America/Chicago"),
        ([{**HOURLY, "zone": "asia/hong kong"}], "schedules.0.zone", "Did you mean Asia/Hong_Kong?"),
        ([{**HOURLY, "zone": "Hong_Kong"}], "schedules.0.zone", "Did you mean Asia/Hong_Kong?"),
        ([{**HOURLY, "zone": "new y"}], "schedules.0.zone", "Did you mean America/New_York?"),
        ([{**HOURLY, "zone": "Mars/Base"}], "schedules.0.zone", "no time zone"),
        ([{"schedule": GONE}], "schedules.0.schedule", "Choose a later one"),
        ([HOURLY, cron("0 0 30 2 *")], "schedules.1.schedule", "never"),
        ([cron("0 0 0 1 1 * 2020")], "schedules.0.schedule", "Choose a later one"),
        ([cron("61 * * * *")], "schedules.0.schedule", "61 is outside 0-59"),
        ([cron("@reboot")], "schedules.0.schedule", "names no instant"),
        ([{"schedule": {"kind": "interval", "every_s": 0}}], "schedules.0.every_s", "1 or more"),
        ([HOURLY, {"schedule": {"kind": "manual"}}], "schedules", "Manual stands alone"),
        ([HOURLY, FAST, HOURLY], "schedules.2.schedule", "says the same as schedule 1"),
        ([{**HOURLY, "args": ["a\u0000"]}], "schedules.0.args", "NUL"),
        ([{**HOURLY, "id": str(uuid4())}], "schedules.0.id", "no such schedule"),
        ([{"schedule": {"kind": "hourly", "minute": n}} for n in range(21)], "schedules", "at most 20"),
    ],
)  # fmt: skip
async def test_a_schedule_that_cannot_be_followed_is_named(
    client: httpx.AsyncClient, database: Database, schedules: list[dict[str, Any]], field: str, says: str
) -> None:
    answer = await client.post(JOBS, json={"name": "hello", "script": "hello.py", "schedules": schedules})

    assert (answer.status_code, answer.json()["field"]) == (422, field)
    assert says in answer.json()["detail"]
    assert await rows(database) == {}


async def test_the_wrong_part_of_an_expression_is_named(client: httpx.AsyncClient) -> None:
    body = {"name": "hello", "script": "hello.py", "schedule": {"kind": "cron", "expr": "0 25 * * *"}}

    problem = (await client.post(JOBS, json=body)).json()

    assert (problem["field"], problem["part"]) == ("schedule", "hour")


@pytest.mark.parametrize("zone", ["UTC", "Etc/GMT+8", "Etc/UTC", "Europe/London", "US/Pacific"])
async def test_a_zone_is_a_place_or_a_fixed_offset(client: httpx.AsyncClient, zone: str) -> None:
    job = await created(client, {**HOURLY, "zone": zone})

    assert job["schedules"][0]["zone"] == zone


async def test_zones_can_be_listed(client: httpx.AsyncClient) -> None:
    names = (await client.get("/api/v1/zones")).json()["items"]

    assert names[0] == "UTC"
    assert {"Asia/Hong_Kong", "Etc/GMT+8", "America/Argentina/Ushuaia"} < set(names)
    assert not {"HKT", "EST", "GMT", "localtime"} & set(names)


async def test_the_rules_are_kept_as_they_were_chosen(client: httpx.AsyncClient) -> None:
    rules = {"on_missed": "all", "jitter_s": 30, "max_runs": 5, "ends_at": "2027-01-01T00:00:00+08:00"}

    job = await created(client, HOURLY, overlap="queue-one", policy=rules)
    changed = await edited(client, job, description="other words")

    assert (job["overlap"], job["policy"]["on_missed"], job["policy"]["jitter_s"]) == ("queue-one", "all", 30)
    assert job["policy"]["ends_at"] == "2026-12-31T16:00:00Z"
    assert changed["policy"] == job["policy"]


@pytest.mark.parametrize(
    ("policy", "field"),
    [
        ({"on_missed": "maybe"}, "on_missed"),
        ({"jitter_s": -1}, "jitter_s"),
        ({"starts_at": "2027-01-01T00:00"}, "starts_at"),
        ({"luck": 1}, "policy"),
        ({"exclude": [str(uuid4())]}, "exclude"),
    ],
)
async def test_a_rule_that_cannot_be_kept_is_named(
    client: httpx.AsyncClient, policy: dict[str, Any], field: str
) -> None:
    body = {"name": "hello", "script": "hello.py", "schedules": [HOURLY], "policy": policy}

    answer = await client.post(JOBS, json=body)

    assert (answer.status_code, answer.json()["field"]) == (422, field)


async def preview(client: httpx.AsyncClient, schedule: dict[str, Any], **more: Any) -> dict[str, Any]:
    answer = await client.post("/api/v1/schedules/preview", json={"schedule": schedule, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_preview_has_ten_instants_and_what_the_clocks_do(client: httpx.AsyncClient) -> None:
    shown = await preview(client, {"kind": "daily", "at": "01:30"}, zone="Europe/London")

    assert shown["text"] == "Every day at 01:30"
    assert len(shown["next"]) == 10
    instants = [datetime.fromisoformat(fire["at"]) for fire in shown["next"]]
    assert instants == sorted(instants)
    assert instants[0] > NOW
    spring = next(note for note in shown["notes"] if "does not exist" in note["text"])
    assert "01:30 does not exist: runs at 02:00" in spring["text"]


async def test_a_preview_stays_between_the_jobs_start_and_end(client: httpx.AsyncClient) -> None:
    start, end = NOW + timedelta(days=3), NOW + timedelta(days=6)
    policy = {"starts_at": start.isoformat(), "ends_at": end.isoformat()}

    shown = await preview(client, {"kind": "interval", "every_s": 86_400}, policy=policy)
    never = await preview(client, {"kind": "daily", "at": "09:00"}, policy={"ends_at": NOW.isoformat()})

    assert [start <= datetime.fromisoformat(fire["at"]) <= end for fire in shown["next"]] == [True] * 3
    assert (never["next"], never["warnings"]) == ([], ["Nothing falls between the job's start and its end."])


async def test_a_preview_explains_each_field_and_names_the_wrong_one(client: httpx.AsyncClient) -> None:
    shown = await preview(client, {"kind": "cron", "expr": "*/15  9-17 * * MONN"})

    assert (shown["part"], shown["field"]) == ("weekday", "schedule")
    assert "Did you mean MON?" in shown["error"]
    assert [(part["name"], part["text"], part["words"]) for part in shown["parts"]] == [
        ("minute", "*/15", "every 15 minutes"),
        ("hour", "9-17", "hours 09 to 17"),
        ("day", "*", "every day of the month"),
        ("month", "*", "every month"),
        ("weekday", "MONN", ""),
    ]
    assert "Did you mean MON?" in shown["parts"][-1]["problem"]


@pytest.mark.parametrize(
    ("schedule", "warning"),
    [
        ({"kind": "cron", "expr": "0 9 13 * FRI"}, "either day field"),
        ({"kind": "cron", "expr": "0 9 */2 * MON"}, "both day fields"),
        ({"kind": "cron", "expr": "0 9 31 * *"}, "Months without a day 31"),
        ({"kind": "interval", "every_s": 5}, "every few seconds"),
        ({"kind": "monthly", "at": "09:00", "day": 31, "short_months": "skip"}, "Months without a day 31"),
    ],
)
async def test_a_preview_warns_of_what_may_surprise(
    client: httpx.AsyncClient, schedule: dict[str, Any], warning: str
) -> None:
    shown = await preview(client, schedule)

    assert any(warning in words for words in shown["warnings"]), shown


@pytest.mark.parametrize(
    "schedule",
    [
        {"kind": "cron", "expr": "0 9 * * *"},
        {"kind": "cron", "expr": "0 9 1,15 * *"},
        {"kind": "cron", "expr": "0 9 * * MON"},
        {"kind": "cron", "expr": "*/5 * * * *"},
        {"kind": "interval", "every_s": 10},
        {"kind": "monthly", "at": "09:00", "day": 31},
    ],
)
async def test_an_ordinary_schedule_has_no_warning(
    client: httpx.AsyncClient, schedule: dict[str, Any]
) -> None:
    assert (await preview(client, schedule))["warnings"] == []


async def test_a_preview_shows_what_h_becomes(client: httpx.AsyncClient) -> None:
    job = await created(client, cron("H 4 * * *"))

    shown = await preview(client, {"kind": "cron", "expr": "H 4 * * *"}, job_id=job["id"])

    assert shown["expanded"] == job["schedule"]["expr"]
    assert shown["parts"][0]["words"] == "a value chosen for the job"


async def a_calendar(database: Database, *days: datetime) -> str:
    spec = {
        "name": "Holidays", "zone": "UTC", "kind": "dates",
        "dates": [{"on": f"{day:%Y-%m-%d}", "label": "Founders' Day"} for day in days],
    }  # fmt: skip
    row = CalendarRow(
        id=uuid4(), name="Holidays", name_key="holidays", spec=spec, version=1, created_at=NOW,
        updated_at=NOW, deleted_at=None,
    )  # fmt: skip
    await run_rows(database, row)
    return str(row.id)


async def test_a_preview_says_what_a_calendar_leaves_out_or_moves(
    client: httpx.AsyncClient, database: Database
) -> None:
    second = NOW + timedelta(days=2)
    exclude = [await a_calendar(database, second)]
    daily = {"kind": "daily", "at": f"{NOW + timedelta(minutes=5):%H:%M}"}

    skips = await preview(client, daily, zone="UTC", policy={"exclude": exclude})
    moves = await preview(client, daily, zone="UTC", policy={"exclude": exclude, "on_excluded": "move"})

    (left_out,) = [fire for fire in skips["next"] if fire["excluded"]]
    (moved,) = [fire for fire in moves["next"] if fire["excluded"]]
    assert left_out["excluded"] == "Founders' Day (in Holidays)"
    assert (left_out["moved_to"], left_out["at"][:10]) == (None, f"{second:%Y-%m-%d}")
    assert moved["moved_to"][:10] == f"{second + timedelta(days=1):%Y-%m-%d}"


async def test_a_calendar_that_is_gone_is_named_when_saving(
    client: httpx.AsyncClient, database: Database
) -> None:
    known = await a_calendar(database, NOW)

    job = await created(client, HOURLY, policy={"include": [known]})
    gone = await client.patch(
        f"{JOBS}/{job['id']}", json={"version": 1, "policy": {"include": [known], "exclude": [str(uuid4())]}}
    )

    assert job["policy"]["include"] == [known]
    assert (gone.status_code, gone.json()["field"]) == (422, "exclude")
