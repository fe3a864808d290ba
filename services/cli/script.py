"""`portal script`: try a script before it becomes a job. Needs no portal."""

# ruff: noqa: PLC0415 - imports inside the command, so that `portal --help` is quick

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Tries scripts, without a portal.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Try scripts, without a portal."""


@app.command("run", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def run_script(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(help="The script, or its name in the scripts directory.")],
    *,
    level: Annotated[str, typer.Option(envvar="PORTAL_SANDBOX", help="As for `portal up`.")] = "auto",
    network: Annotated[str, typer.Option(help="host or none.")] = "host",
    timeout: Annotated[float, typer.Option(min=0.1, max=604_800, help="In seconds.")] = 300,
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
        as_json=as_json,
    )
    raise typer.Exit(run(wish))
