"""`portal export`, `plan` and `apply`: the jobs of a portal as a file, and a file as changes of them."""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from services.cli.asking import Asked, asks
from services.cli.errors import CannotDo, Exit
from services.cli.told import has_colours, plain

_SIGNS = {"create": ("+", "32"), "change": ("~", "33"), "delete": ("-", "31")}
_LONGEST = 160
File = Annotated[Path, typer.Argument(metavar="FILE", help="YAML; - reads standard input.", allow_dash=True)]
Prune = Annotated[
    str | None,
    typer.Option(metavar="TAG", help="Delete jobs that have this tag and are not in the file."),
]


@asks
def export(
    asked: Asked,
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="Jobs. Default: all.")
    ] = None,
    *,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", help="Write it there instead of printing it."),
    ] = None,
) -> None:
    """Print jobs, with the calendars and limits that they use, as YAML.

    Example: portal export -o jobs.yaml
    """
    text = asked.client.text("/export", name=names or None)
    if output is not None:
        write(output, text)
        asked.note(f"{output} is written.")
    elif asked.as_json:
        asked.show({"document": text})
    else:
        sys.stdout.write(text)


@asks
def plan(asked: Asked, file: File, *, prune: Prune = None) -> None:
    """Say what applying a file would change. Exit code 0: nothing, 10: something.

    Example: portal plan jobs.yaml
    """
    found = asked.client.post("/plan", body={"document": read(file), "prune": prune})
    asked.show(found, lines_of(found))
    if found["changes"]:
        raise typer.Exit(Exit.CHANGES)


@asks
def apply(
    asked: Asked,
    file: File,
    *,
    prune: Prune = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Show what a file changes, ask, and change it: all or nothing.

    Example: portal apply jobs.yaml --prune finance
    """
    apply_text(asked, read(file), prune=prune, yes=yes, may_ask=str(file) != "-")


def apply_text(asked: Asked, text: str, *, prune: str | None, yes: bool, may_ask: bool) -> None:
    """Show what the text changes, ask unless `yes`, and change it.

    Raises:
        CannotDo: somebody has to be asked, and nobody is there; or the portal refuses it.
    """
    _carry_out(asked, text, prune=prune, yes=yes, may_ask=may_ask)


def add_text(asked: Asked, text: str, *, yes: bool, may_ask: bool) -> None:
    """Do so with a text that may make jobs and change none: their names come from elsewhere.

    Raises:
        CannotDo: as `apply_text`; or there are other jobs of these names, and which.
    """
    _carry_out(asked, text, prune=None, yes=yes, may_ask=may_ask, only_new=True)


def _carry_out(
    asked: Asked, text: str, *, prune: str | None, yes: bool, may_ask: bool, only_new: bool = False
) -> None:
    found = asked.client.post("/plan", body={"document": text, "prune": prune})
    if not asked.as_json:
        asked.show(found, lines_of(found))
    known = [one["name"] for one in found["changes"] if one["action"] != "create"]
    if only_new and known:
        raise CannotDo(
            f"The portal has other jobs of these names: {', '.join(known)}. Write the file with -o, give them"
            " other names there, and apply it."
        )
    if found["changes"]:
        if not yes and not _agreed(may_ask=may_ask):
            raise CannotDo("Nothing was changed.")
        body = {"document": text, "prune": prune, "seen": found["seen"]}
        found = asked.client.post("/apply", body=body)
        asked.note(f"{len(found['changes']):,} changed.")
    if asked.as_json:
        asked.show(found)


def read(file: Path) -> str:
    """Return what the file, or standard input for `-`, holds.

    Raises:
        CannotDo: it cannot be read.
    """
    try:
        return sys.stdin.read() if str(file) == "-" else file.read_text("utf-8")
    except OSError as error:
        raise CannotDo(f"{file}: {error.strerror}.", Exit.NOT_THERE) from error
    except UnicodeDecodeError as error:
        raise CannotDo(f"{file} is no text in UTF-8. Save it as that.", Exit.WRONG) from error


def write(file: Path, text: str) -> None:
    """Write the text into the file.

    Raises:
        CannotDo: it cannot be written.
    """
    try:
        file.write_text(text, "utf-8")
    except OSError as error:
        raise CannotDo(f"{file}: {error.strerror}.") from error


def lines_of(plan: Mapping[str, Any]) -> Iterator[str]:
    """Yield a plan for people: each thing that changes, its fields below it, and how many there are."""
    counts = dict.fromkeys(_SIGNS, 0)
    for one in plan["changes"]:
        counts[one["action"]] += 1
        sign, colour = _SIGNS[one["action"]]
        yield _painted(f"{sign} {one['part']} {plain(one['name'])}", colour)
        is_new = one["action"] == "create"
        for field in one["fields"]:
            if not (is_new and field["field"] == "name"):
                yield from _field(field, is_new=is_new)
    made, changed, deleted = counts.values()
    same = plan["unchanged"]
    yield f"{made:,} to make, {changed:,} to change, {deleted:,} to delete; {same:,} as they are."


def _field(field: Mapping[str, Any], *, is_new: bool) -> Iterator[str]:
    name, before, after = plain(field["field"]), field["before"], field["after"]
    if is_new:
        yield f"    {name}: {_said(after)}"
    elif isinstance(before, list) and isinstance(after, list):
        yield f"    {name}:"
        yield from (_painted(f"      - {_said(one)}", "31") for one in before if one not in after)
        yield from (_painted(f"      + {_said(one)}", "32") for one in after if one not in before)
    else:
        yield f"    {name}: {_said(before)} → {_said(after)}"


def _said(value: object) -> str:
    from services.ui.documents.emit import in_one_line  # noqa: PLC0415 - who asks for help needs no YAML

    text = "(none)" if value is None else in_one_line(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _painted(text: str, colour: str) -> str:
    return f"\x1b[{colour}m{text}\x1b[0m" if has_colours() else text


def _agreed(*, may_ask: bool) -> bool:
    if not may_ask or not sys.stdin.isatty():
        raise CannotDo("Nobody can be asked here: say --yes, once you have seen the plan.", Exit.WRONG)
    return typer.confirm("Change this?", err=True)
