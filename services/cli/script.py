"""`portal script`: try a script before it becomes a job. Needs no portal."""

# ruff: noqa: PLC0415 - imports inside the command, so that `portal --help` is quick

import re
from collections.abc import Iterable
from pathlib import Path
from types import MappingProxyType
from typing import Annotated

import typer

from shared.domain.errors import InvalidInput
from shared.domain.resources import GB, KB, MB, Resources, resources_from_json

_LIMITS = MappingProxyType(
    {
        "memory": "memory_bytes",
        "disk": "disk_bytes",
        "cpu": "cpu_s",
        "processes": "processes",
        "files": "open_files",
        "nice": "nice",
    }
)
_BEYOND = 1e18
"""More than any limit may be: of some hundred digits a float is infinite."""
_LIMIT_HELP = f"What it may use, such as memory=256MB; also {', '.join(_LIMITS)}. Repeat it for several."
app = typer.Typer(help="Tries scripts, without a portal.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Try scripts, without a portal."""


@app.command("run", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def run_script(  # noqa: PLR0913 - a command's options
    context: typer.Context,
    path: Annotated[Path, typer.Argument(help="The script, or its name in the scripts directory.")],
    *,
    level: Annotated[str, typer.Option(envvar="PORTAL_SANDBOX", help="As for `portal up`.")] = "auto",
    network: Annotated[str, typer.Option(help="host or none.")] = "host",
    timeout: Annotated[float, typer.Option(min=0.1, max=604_800, help="In seconds.")] = 300,
    limit: Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help=_LIMIT_HELP)] = None,
    state: Annotated[
        Path | None,
        typer.Option(file_okay=False, help="Where it keeps its PORTAL_STATE_DIR; else it has none."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="End with one line of JSON on stdout.")] = False,
) -> None:
    """Run a script as an executor would, without a portal, and exit with its code.

    What follows the path goes to the script. Ctrl-C asks it to end, a second one kills it.
    """
    from services.cli.fences import check_level
    from services.cli.script_run import Wish, run

    check_level(level, "--level")
    if network not in {"host", "none"}:
        raise typer.BadParameter(f"{network} is neither host nor none", param_hint="--network")
    wish = Wish(
        script=path,
        args=tuple(context.args),
        level=level,
        network=network == "host",
        timeout_s=timeout,
        resources=_resources(limit or []),
        state=state,
        as_json=as_json,
    )
    raise typer.Exit(run(wish))


def _resources(limits: Iterable[str]) -> Resources:
    values: dict[str, int] = {}
    for limit in limits:
        name, _, text = limit.partition("=")
        found = re.fullmatch(r"(\d+(?:\.\d+)?) ?([KMG]B)?", text, re.IGNORECASE)
        if name not in _LIMITS or found is None:
            known = ", ".join(_LIMITS)
            raise typer.BadParameter(
                f"{limit}: say it as memory=256MB, with one of {known}", param_hint="--limit"
            )
        unit = {"KB": KB, "MB": MB, "GB": GB}.get((found[2] or "").upper(), 1)
        values[_LIMITS[name]] = round(min(float(found[1]) * unit, _BEYOND))
    try:
        return resources_from_json(values)
    except InvalidInput as error:
        raise typer.BadParameter(str(error), param_hint="--limit") from error
