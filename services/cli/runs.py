"""`portal run`, `portal runs`, `portal logs`, `portal why`: what ran, what it printed, and why or why not."""

# ruff: noqa: PLC0415 - imports inside the commands, so that `portal --help` is quick

import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any

import typer

from services.cli.asking import Asked, Listing, asks
from services.cli.errors import CannotDo, Exit
from services.cli.names import JOB, RUN, job_of, run_of, run_or_job_of
from services.cli.told import facts, now, plain, sentence, state, table, took, when, zone

_MOST = 10_000
app = typer.Typer(
    cls=Listing,
    help="Lists runs, and shows, cancels and repeats one. Alone it lists the newest.",
    add_completion=False,
    rich_markup_mode=None,
)
Run = Annotated[str, typer.Argument(metavar="RUN", help=RUN)]
Follow = Annotated[
    bool, typer.Option("--follow", "-f", help="Print what it prints until it has ended; exit with its code.")
]


@asks
def run_job(
    asked: Asked,
    name: Annotated[str, typer.Argument(metavar="NAME", help=JOB)],
    *,
    param: Annotated[
        list[str] | None, typer.Option("--param", "-p", metavar="NAME=VALUE", help="A parameter; repeat it.")
    ] = None,
    params: Annotated[
        typer.FileText | None,
        typer.Option(help="Parameters as a JSON object from a file or -: arguments are seen by everybody."),
    ] = None,
    follow: Follow = False,
) -> None:
    """Run a job now.

    With --follow, what the script prints comes as it is, and its exit code is this command's. Without a code
    of its own: 122 it was skipped or missed, 123 cancelled, 124 timed out, 125 lost, 126 not started, and 128
    and the signal's number where a signal ended it.

    Example: portal run 'nightly close' -p rows=20 --follow
    """
    job = job_of(asked.client, name)
    given = _read(params) | dict(_typed(job, one) for one in param or ())
    run_id = asked.client.post("/jobs/{}/run", job["id"], body={"parameters": given})["run_id"]
    _told(asked, run_id, f"Asked for: {plain(job['name'])}", follow=follow)


@app.command("list")
@asks
def list_runs(  # noqa: PLR0913 - an option each
    asked: Asked,
    *,
    job: Annotated[str | None, typer.Option(metavar="NAME", help="Only of this job.")] = None,
    which: Annotated[str, typer.Option("--state", help="Only these, as failed,timed_out.")] = "",
    q: Annotated[str, typer.Option("--q", metavar="WORDS", help="Only of jobs that hold these words.")] = "",
    since: Annotated[str | None, typer.Option(help="Due since: 2h, 7d, or an instant in ISO 8601.")] = None,
    executor: Annotated[str | None, typer.Option(help="Only what ran there.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=_MOST, help="So many at most.")] = 20,
) -> None:
    """List runs, the newest first.

    Example: portal runs --job 'nightly close' --state failed,timed_out --since 7d
    """
    at = now()
    page = asked.client.pages(
        "/runs",
        limit=limit,
        job=None if job is None else job_of(asked.client, job)["id"],
        state=which or None,
        q=q,
        executor=executor,
        **{"from": None if since is None else _since(since, at)},
    )
    rows = [
        (
            f"{run['job_name']}#{run['number']}" if run["number"] else run["job_name"],
            state(run),
            when(run["due_at"], at),
            took(run["duration_ms"]),
            run["executor"] or "-",
            run["id"],
        )
        for run in page["items"]
    ]
    asked.show(page, table(("RUN", "STATE", "DUE", "TOOK", "EXECUTOR", "ID"), rows))
    if not asked.as_json and (page["next"] or not rows):
        asked.note(f"The newest {len(rows):,}: --limit shows more." if rows else "No run is like that.")


@app.command()
@asks
def show(asked: Asked, run: Run) -> None:
    """Show one run with its attempts.

    Example: portal runs show 'nightly close#12'
    """
    found = run_of(asked.client, run)
    asked.show(found, _whole(found, now()))


@app.command()
@asks
def cancel(asked: Asked, run: Run) -> None:
    """End a run: one that waits never starts, one that runs is stopped.

    Example: portal runs cancel 'nightly close'
    """
    found = asked.client.post("/runs/{}/cancel", run_of(asked.client, run)["id"])
    asked.show(found, [f"Asked to end: {_called(found)}. It is {state(found)}."])


@app.command()
@asks
def again(asked: Asked, run: Run, *, follow: Follow = False) -> None:
    """Run again what a run ran, with what it was given.

    Example: portal runs again 'nightly close#12' --follow
    """
    found = run_of(asked.client, run)
    run_id = asked.client.post("/runs/{}/rerun", found["id"])["run_id"]
    _told(asked, run_id, f"Asked for again: {_called(found)}", follow=follow)


@asks
def logs(
    asked: Asked,
    run: Run,
    *,
    attempt: Annotated[int | None, typer.Option(min=1, help="Which try. Default: the newest.")] = None,
    stderr: Annotated[bool, typer.Option("--stderr", help="Only what it printed there, on stdout.")] = False,
    follow: Follow = False,
) -> None:
    """Print what a run printed: its stdout on stdout, its stderr on stderr.

    Example: portal logs 'nightly close' --follow
    """
    from services.cli.follow import exit_code, print_log
    from services.cli.follow import follow as follow_run

    if follow and (attempt is not None or stderr):
        raise typer.BadParameter("It follows all that the run prints.", param_hint="--follow")
    found = run_of(asked.client, run)
    if follow:
        ended = follow_run(asked, found["id"])
        if asked.as_json:
            asked.show(ended)
        raise typer.Exit(exit_code(ended))
    if asked.as_json:
        raise typer.BadParameter("Logs are text: --json goes with --follow.", param_hint="--json")
    print_log(asked, found["id"], attempt, "stderr" if stderr else None)


@asks
def why(
    asked: Asked,
    name: Annotated[str, typer.Argument(metavar="NAME|RUN", help=f"{JOB} {RUN}")],
    *,
    at: Annotated[
        str | None, typer.Option(help="Of which instant, in ISO 8601. Default: the newest.")
    ] = None,
) -> None:
    """Say why a job ran, did not run or does not run yet, and what to do.

    Example: portal why 'nightly close' --at 2026-11-30T02:00
    """
    run, job = run_or_job_of(asked.client, name)
    about = _local(at).isoformat() if at is not None else run["nominal_at"] if run is not None else None
    answer = asked.client.get("/jobs/{}/why", job["id"], at=about)
    asked.show(answer, _because(job, answer, now()))


def _told(asked: Asked, run_id: str, words: str, *, follow: bool) -> None:
    if not follow:
        value = {"run_id": run_id}
        asked.show(value, [f"{words}, run {run_id}. `portal logs {run_id} -f` follows it."])
        return
    from services.cli.follow import exit_code
    from services.cli.follow import follow as follow_run

    ended = follow_run(asked, run_id)
    if asked.as_json:
        asked.show(ended)
    raise typer.Exit(exit_code(ended))


def _read(file: typer.FileText | None) -> dict[str, Any]:
    if file is None:
        return {}
    try:
        value = json.load(file)
    except (ValueError, RecursionError) as error:
        raise CannotDo(f"--params: this is no JSON: {error}.", Exit.WRONG) from error
    if not isinstance(value, dict):
        raise CannotDo('--params: write one object, such as {"rows": 20}.', Exit.WRONG)
    return value


def _typed(job: Mapping[str, Any], text: str) -> tuple[str, object]:
    """Return a parameter's name and value, as the kind of the parameter wants it in JSON."""
    name, equals, value = text.partition("=")
    if not equals:
        raise CannotDo(f"--param {text[:60]!r}: say it as name=value.", Exit.WRONG)
    kind = next((one["kind"] for one in job["parameters"] if one["name"] == name), "text")
    if kind == "flag" and value in {"true", "false"}:
        return name, value == "true"
    if kind == "number":
        try:
            return name, float(value) if "." in value or "e" in value.lower() else int(value)
        except ValueError:
            return name, value  # the portal says what to type instead
    return name, value


def _since(text: str, at: datetime) -> str:
    units = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
    found = re.fullmatch(r"([0-9]{1,5})([mhdw])", text)
    if found is not None:
        return (at - timedelta(**{units[found[2]]: int(found[1])})).isoformat()
    return _local(text).isoformat()


def _local(text: str) -> datetime:
    """Return an instant; without an offset it is local time of the zone in which they are told."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise CannotDo(
            f"{text[:60]!r} is no instant: say it in ISO 8601, as 2026-11-30T02:00.", Exit.WRONG
        ) from None
    return at if at.tzinfo is not None else at.replace(tzinfo=zone())


def _called(run: Mapping[str, Any]) -> str:
    return plain(f"{run['job_name']}#{run['number']}" if run["number"] else str(run["job_name"]))


def _whole(run: Mapping[str, Any], at: datetime) -> Iterator[str]:
    asked_by = f" by {run['requested_by']}" if run["requested_by"] else ""
    yield from facts(
        (
            ("Run", _called(run)),
            ("Id", run["id"]),
            ("State", state(run)),
            ("Detail", run["detail"]),
            ("Cause", run["cause"] + asked_by),
            ("Due", when(run["due_at"], at)),
            ("Started", "" if run["started_at"] is None else when(run["started_at"], at)),
            ("Took", "" if run["duration_ms"] is None else took(run["duration_ms"])),
            ("Exit code", "" if run["exit_code"] is None else str(run["exit_code"])),
            ("Signal", "" if run["signal"] is None else str(run["signal"])),
            ("Given", ", ".join(f"{one['name']}={_value(one['value'])}" for one in run["parameters"])),
        )
    )
    if run["attempts"]:
        yield ""
        rows = [
            (str(one["number"]), state(one), one["executor"] or "-", took(one["duration_ms"]), one["detail"])
            for one in run["attempts"]
        ]
        yield from table(("ATTEMPT", "STATE", "EXECUTOR", "TOOK", "DETAIL"), rows)


def _value(value: object) -> str:
    return "(secret)" if value is None else str(value)


def _because(job: Mapping[str, Any], answer: Mapping[str, Any], at: datetime) -> Iterator[str]:
    yield f"{plain(job['name'])}, {when(answer['at'], at)}: {sentence(answer['sentence'], at)}"
    if answer["fix"] is not None:
        yield plain(answer["fix"]["words"])
    yield ""
    for check in answer["checks"]:
        yield f"{'✓' if check['passed'] else '✗'} {plain(check['name'])}: {sentence(check['words'], at)}"
    for other in answer["nearby"]:
        yield f"Ask about --at {other} instead."
