"""`portal jobs`: the jobs of a portal, listed, shown, made, held back and removed."""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

import typer

from services.cli.asking import Asked, Listing, asks
from services.cli.errors import CannotDo, Exit
from services.cli.names import JOB, deleted_job_of, job_of
from services.cli.told import facts, now, plain, state, table, took, when

_MOST = 10_000
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
app = typer.Typer(
    cls=Listing,
    help="Lists jobs, and shows, makes, pauses, resumes and deletes one. Alone it lists them.",
    add_completion=False,
    rich_markup_mode=None,
)
Name = Annotated[str, typer.Argument(metavar="NAME", help=JOB)]


class Shown(StrEnum):
    """Which jobs to list."""

    ACTIVE = "active"
    PAUSED = "paused"
    RUNNING = "running"
    FAILING = "failing"
    DELETED = "deleted"


class Sort(StrEnum):
    """In which order."""

    NAME = "name"
    NEXT = "next"
    LAST = "last"


class CatchUp(StrEnum):
    """What to run of what passed in a pause."""

    NONE = "none"
    LATEST = "latest"
    ALL = "all"


@app.command("list")
@asks
def list_jobs(
    asked: Asked,
    *,
    which: Annotated[
        Shown | None, typer.Option("--state", help="Only these; failing: their last run did.")
    ] = None,
    tag: Annotated[
        list[str] | None, typer.Option(help="Only jobs with this tag; repeat it for several.")
    ] = None,
    q: Annotated[
        str, typer.Option("--q", metavar="WORDS", help="In name, script, description or tags.")
    ] = "",
    sort: Annotated[Sort, typer.Option(help="By name, soonest next run, or latest end.")] = Sort.NAME,
    limit: Annotated[int, typer.Option(min=1, max=_MOST, help="So many at most.")] = 50,
) -> None:
    """List jobs.

    Example: portal jobs --state failing --tag night
    """
    page = asked.client.pages(
        "/jobs", limit=limit, q=q, state=which, tag=",".join(tag or []) or None, sort=sort
    )
    at = now()
    rows = [
        (job["name"], _state(job), _last(job, at), _next(job, at), job["schedule_text"], job["script"])
        for job in page["items"]
    ]
    asked.show(page, table(("NAME", "STATE", "LAST", "NEXT", "SCHEDULE", "SCRIPT"), rows))
    if page["next"] is not None and not asked.as_json:
        total = page.get("total")
        of = f" of {total:,}" if total is not None else ""
        asked.note(f"The first {len(rows):,}{of}: --limit shows more.")
    elif not rows and not asked.as_json:
        asked.note(
            "No job is like that." if q or tag or which else "There is no job yet: `portal jobs create`."
        )


@app.command()
@asks
def show(asked: Asked, name: Name) -> None:
    """Show one job: what it runs, when, and how its last runs ended.

    Example: portal jobs show 'nightly close'
    """
    job = asked.client.get("/jobs/{}", job_of(asked.client, name)["id"])
    asked.show(job, _whole(job, now()))


@app.command()
@asks
def create(  # noqa: PLR0913 - an option each
    asked: Asked,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is to be called; no other job is.")],
    script: Annotated[str, typer.Option(help="Its script in the scripts directory.")],
    *,
    arg: Annotated[list[str] | None, typer.Option(help="An argument; repeat it for several.")] = None,
    every: Annotated[str | None, typer.Option(metavar="TIME", help="As 30s, 5m, 2h or 1d.")] = None,
    cron: Annotated[str | None, typer.Option(metavar="EXPR", help="As '0 9 * * MON-FRI', in quotes.")] = None,
    zone: Annotated[str | None, typer.Option(help="IANA zone of --cron. Default: the portal's.")] = None,
    timeout: Annotated[int | None, typer.Option(help="In seconds. Default: 300.")] = None,
    tag: Annotated[list[str] | None, typer.Option(help="A tag; repeat it for several.")] = None,
    description: Annotated[str, typer.Option(help="What it is for.")] = "",
) -> None:
    """Make a job. Without --every and --cron it runs when somebody asks for it.

    The portal's form, the API and files say everything else that a job can have.

    Example: portal jobs create 'nightly close' --script close.py --cron '0 2 * * *'
    """
    if every is not None and cron is not None:
        raise typer.BadParameter("Give either --every or --cron.", param_hint="--every")
    body = {
        "name": name,
        "script": script,
        "schedules": [{"schedule": _schedule(every, cron), "zone": zone}],
        "args": arg or [],
        "tags": tag or [],
        "description": description,
        **({} if timeout is None else {"timeout_s": timeout}),
    }
    job = asked.client.post("/jobs", body=body)
    asked.show(job, _whole(job, now()))
    for warning in job["warnings"]:
        asked.note(f"Warning: {plain(warning)}")


@app.command()
@asks
def pause(asked: Asked, name: Name) -> None:
    """Stop following a job's schedules; `portal run` still runs it.

    Example: portal jobs pause 'nightly close'
    """
    job = asked.client.post("/jobs/{}/pause", job_of(asked.client, name)["id"])
    asked.show(job, [f"Paused: {plain(job['name'])}. Nothing of it starts by itself until it is resumed."])


@app.command()
@asks
def resume(
    asked: Asked,
    name: Name,
    *,
    catch_up: Annotated[
        CatchUp, typer.Option(help="What to run of what passed in the pause.")
    ] = CatchUp.NONE,
) -> None:
    """Follow a job's schedules again.

    Example: portal jobs resume 'nightly close' --catch-up latest
    """
    job = asked.client.post("/jobs/{}/resume", job_of(asked.client, name)["id"], body={"catch_up": catch_up})
    asked.show(job, [f"Resumed: {plain(job['name'])}. Next: {_next(job, now())}."])


@app.command()
@asks
def delete(asked: Asked, name: Name) -> None:
    """Delete a job. Its runs stay, and `portal jobs restore` brings it back.

    Example: portal jobs delete 'nightly close'
    """
    job = asked.client.delete("/jobs/{}", job_of(asked.client, name)["id"])
    asked.show(job, [f"Deleted: {plain(job['name'])}. `portal jobs restore {job['id']}` brings it back."])


@app.command()
@asks
def restore(asked: Asked, name: Name) -> None:
    """Bring a deleted job back.

    Example: portal jobs restore 'nightly close'
    """
    job = asked.client.post("/jobs/{}/restore", deleted_job_of(asked.client, name)["id"])
    asked.show(job, [f"Restored: {plain(job['name'])}. Next: {_next(job, now())}."])


def _schedule(every: str | None, cron: str | None) -> dict[str, object]:
    if cron is not None:
        return {"kind": "cron", "expr": cron}
    if every is None:
        return {"kind": "manual"}
    found = re.fullmatch(r"(\d{1,9})([smhdw])", every)
    if found is None:
        raise CannotDo(f"--every {every[:60]!r}: say it as 30s, 5m, 2h or 1d.", Exit.WRONG)
    return {"kind": "interval", "every_s": int(found[1]) * _SECONDS[found[2]]}


def _state(job: Mapping[str, Any]) -> str:
    return "deleted" if job["deleted_at"] else "paused" if job["paused_at"] else "active"


def _last(job: Mapping[str, Any], at: datetime) -> str:
    run = job["last_run"]
    return (
        "-"
        if run is None
        else f"{state(run)}, {when(run['finished_at'] or run['started_at'] or run['due_at'], at)}"
    )


def _next(job: Mapping[str, Any], at: datetime) -> str:
    words = {
        "manual": "when asked",
        "after": "after other jobs",
        "completed": "nothing more",
        "excluded": "-",
    }
    return when(job["next_due_at"], at) if job["next_due_at"] else words.get(str(job["no_next"]), "-")


def _whole(job: Mapping[str, Any], at: datetime) -> Iterator[str]:
    yield from facts(
        (
            ("Name", job["name"]),
            ("Id", job["id"]),
            ("About", job["description"]),
            ("State", _state(job) + (f" by {job['paused_by']}" if job["paused_at"] else "")),
            ("Script", " ".join((job["script"], *job["args"]))),
            *(("Schedule", f"{one['text']} ({one['zone']})") for one in job["schedules"]),
            ("After", ", ".join(str(one["name"]) for one in job["runs_after"]["jobs"])),
            ("Next", _next(job, at)),
            ("Timeout", took(job["timeout_s"] * 1000)),
            ("Tags", ", ".join(job["tags"])),
            ("Secrets", ", ".join(str(one["name"]) for one in job["secrets"])),
            ("Asks for", ", ".join(f"{one['name']} ({one['kind']})" for one in job["parameters"])),
            ("Version", str(job["version"])),
            *(("Warning", warning) for warning in job["warnings"]),
        )
    )
    if job["recent"]:
        yield ""
        rows = [
            (f"#{run['number']}", state(run), when(run["due_at"], at), took(run["duration_ms"]), run["id"])
            for run in reversed(job["recent"][-10:])
        ]
        yield from table(("RUN", "STATE", "DUE", "TOOK", "ID"), rows)
