"""What people call a job and a run, found in a portal."""

# ruff: noqa: PLC0415 - the rules of jobs import every schedule's: only who looks for a name pays for it

import re
from difflib import get_close_matches
from typing import Any
from uuid import UUID

from services.cli.client import Client
from services.cli.errors import CannotDo, Exit

JOB = "A job's name, or its id."
RUN = "A run's id, 'NAME#12' for run 12 of a job, or a job's name for its newest run."
_MOST_LOOKED_AT = 200
_NUMBERED = re.compile(r"(.+)#(\d{1,9})", re.DOTALL)


def job_of(client: Client, name: str) -> dict[str, Any]:
    """Return the job with this name, whatever its case, or this id.

    Raises:
        CannotDo: there is none; says which ones have a name like it.
    """
    found: dict[str, Any] | None = _named(client, name)
    if found is None and (known := _id(name)):
        return dict(client.get("/jobs/{}", known))
    if found is None:
        raise CannotDo(f"There is no job {name!r}.{_others(client, name)}", Exit.NOT_THERE)
    return found


def deleted_job_of(client: Client, name: str) -> dict[str, Any]:
    """Return the deleted job with this name or id.

    Raises:
        CannotDo: there is none, or there are several.
    """
    if known := _id(name):
        return dict(client.get("/jobs/{}", known))
    found = [job for job in _deleted(client, name) if _is_called(job, name)]
    if not found:
        raise CannotDo(
            f"No deleted job is called {name!r}. `portal jobs --state deleted` lists them.", Exit.NOT_THERE
        )
    if len(found) > 1:
        ids = ", ".join(str(job["id"]) for job in found)
        raise CannotDo(
            f"{len(found)} deleted jobs are called {name!r}: say which by its id, {ids}.", Exit.WRONG
        )
    return found[0]


def run_of(client: Client, text: str) -> dict[str, Any]:
    """Return the run that is meant by an id, a job's name and a number, or a job's name.

    Raises:
        CannotDo: there is none.
    """
    if known := _id(text):
        return dict(client.get("/runs/{}", known))
    numbered = _NUMBERED.fullmatch(text)
    job = None if numbered is None else _named(client, numbered[1])
    if job is None:  # or a job has such a name
        numbered, job = None, job_of(client, text)
    number = None if numbered is None else int(numbered[2])
    found = client.get("/runs", job=job["id"], number=number, limit=1)["items"]
    if not found and number is not None:
        raise CannotDo(f"Job {job['name']!r} has no run {number}, or no longer.", Exit.NOT_THERE)
    if not found:
        raise CannotDo(f"Job {job['name']!r} has not run yet: `portal run NAME` runs it.", Exit.NOT_THERE)
    return dict(client.get("/runs/{}", found[0]["id"]))


def run_or_job_of(client: Client, text: str) -> tuple[dict[str, Any] | None, dict[str, Any]]:
    """Return the run that is meant with its job, or a job alone where its name or id was given.

    Raises:
        CannotDo: there is neither.
    """
    if _NUMBERED.fullmatch(text) is None and (job := _named(client, text)) is not None:
        return None, job
    try:
        run = run_of(client, text)
    except CannotDo as error:
        if error.code is not Exit.NOT_THERE or not _id(text):
            raise
        return None, job_of(client, text)
    return run, dict(client.get("/jobs/{}", run["job_id"]))


def _named(client: Client, name: str) -> dict[str, Any] | None:
    from shared.domain.job import MAX_NAME

    if not name.strip() or len(name) > MAX_NAME:
        raise CannotDo(f"{name[:60]!r} is no job's name: it has 1 to {MAX_NAME} characters.", Exit.WRONG)
    found = client.get("/jobs", name=name, limit=1)["items"]
    return dict(found[0]) if found else None


def _id(text: str) -> str | None:
    try:
        return str(UUID(text)) if len(text) in {32, 36} else None
    except ValueError:
        return None


def _is_called(job: dict[str, Any], name: str) -> bool:
    return _folded(str(job["name"])) == _folded(name.strip())


def _folded(name: str) -> str:
    from shared.domain.job import name_key

    return name_key(name)


def _deleted(client: Client, name: str) -> list[dict[str, Any]]:
    return list(client.get("/jobs", state="deleted", q=name, limit=_MOST_LOOKED_AT)["items"])


def _others(client: Client, name: str) -> str:
    """Return what to try instead."""
    if any(_is_called(job, name) for job in _deleted(client, name)):
        return " It was deleted: `portal jobs restore NAME` brings it back."
    like = [client.get("/jobs", q=q, limit=_MOST_LOOKED_AT)["items"] for q in ("", name.strip()[:3])]
    names = {_folded(job["name"]): str(job["name"]) for page in like for job in page}
    close = get_close_matches(_folded(name), names, n=3, cutoff=0.6)
    if close:
        return f" Did you mean {' or '.join(repr(names[one]) for one in close)}?"
    return " `portal jobs` lists those that there are."
