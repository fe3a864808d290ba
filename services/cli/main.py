"""The `portal` command line. Imports stay inside the commands, so that `portal --help` is quick."""

# ruff: noqa: PLC0415 - imports inside the commands are the point of this module

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from services.cli import executors as executors_group
from services.cli import files, imports, jobs, runs, schedule, script, tokens, users
from services.cli import home as homes
from services.cli.asking import Grouped, HomeOption
from services.cli.errors import CannotDo
from services.cli.told import plain

_DAILY, _OPERATING, _DEVELOPING = "Daily work", "Operating", "Developing"
_COMPLETES = "_PORTAL_COMPLETE"
"""The variable by which a shell asks what may come next."""
app = typer.Typer(
    cls=Grouped,
    help="Registers scripts as jobs, runs each at its time, shows it live.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

app.add_typer(jobs.app, name="jobs", rich_help_panel=_DAILY)
app.command("run", rich_help_panel=_DAILY)(runs.run_job)
app.add_typer(runs.app, name="runs", rich_help_panel=_DAILY)
app.command(rich_help_panel=_DAILY)(runs.logs)
app.command(rich_help_panel=_DAILY)(runs.why)
app.command(rich_help_panel=_DAILY)(files.export)
app.command(rich_help_panel=_DAILY)(files.plan)
app.command(rich_help_panel=_DAILY)(files.apply)
app.add_typer(imports.app, name="import", rich_help_panel=_DAILY)
app.add_typer(schedule.app, name="schedule", rich_help_panel=_DAILY)
app.add_typer(script.app, name="script", rich_help_panel=_DAILY)
app.command(rich_help_panel=_OPERATING)(tokens.whoami)
app.add_typer(tokens.app, name="tokens", rich_help_panel=_OPERATING)
app.add_typer(executors_group.app, name="executors", rich_help_panel=_OPERATING)
app.add_typer(users.app, name="user", rich_help_panel=_OPERATING)

_PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True}


@app.command(rich_help_panel=_OPERATING)
def up(
    *,
    home: HomeOption = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the portal on 127.0.0.1.")] = 8080,
    executors: Annotated[int, typer.Option(min=1, max=64, help="How many executors.")] = 2,
    sample: Annotated[bool, typer.Option(help="Make the sample job at the first start.")] = True,
    sandbox: Annotated[
        str,
        typer.Option(
            envvar="PORTAL_SANDBOX",
            help="How scripts are fenced in: process, restricted, isolated, or the best that holds.",
        ),
    ] = "auto",
) -> None:
    """Start everything, from nothing, and stay in the foreground until Ctrl-C."""
    from services.cli.fences import check_level
    from services.cli.supervisor import Options
    from services.cli.up import run

    check_level(sandbox, "--sandbox")
    options = Options(home=homes.chosen(home), port=port, executors=executors, sample=sample, sandbox=sandbox)
    raise typer.Exit(run(options))


@app.command(rich_help_panel=_OPERATING)
def down(*, home: HomeOption = None) -> None:
    """Stop the portal that runs in this home: running scripts are waited for."""
    from services.cli.status import stop

    raise typer.Exit(stop(homes.chosen(home)))


@app.command(rich_help_panel=_OPERATING)
def status(*, home: HomeOption = None) -> None:
    """Show the processes. Exit code 0: all ready, 1: not all, 3: nothing runs."""
    from services.cli.status import show

    raise typer.Exit(show(homes.chosen(home)))


@app.command(rich_help_panel=_OPERATING)
def doctor(
    *,
    home: HomeOption = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="The portal's port to be.")] = 8080,
) -> None:
    """Look at what `portal up` needs and say how to mend what is missing. Exit code 1: a problem."""
    from services.cli.doctor import examine

    raise typer.Exit(examine(homes.chosen(home), port))


@app.command(context_settings=_PASS_ON, add_help_option=False, rich_help_panel=_DEVELOPING)
def test(context: typer.Context) -> None:
    """Install what the tests need and run them; arguments go to pytest."""
    from services.cli.gates import test as run_tests

    raise typer.Exit(run_tests(context.args))


@app.command(rich_help_panel=_DEVELOPING)
def check() -> None:
    """Format, lint, import rules, types and the quick tests: what every commit has to pass."""
    from services.cli.gates import check as run_checks

    raise typer.Exit(run_checks())


@app.command(context_settings=_PASS_ON, add_help_option=False, rich_help_panel=_DEVELOPING)
def screenshots(context: typer.Context) -> None:
    """Take every page into DIR: light and dark, wide and narrow, in English and in Chinese."""
    from services.cli.gates import screenshots as take

    raise typer.Exit(take(context.args))


@app.command(context_settings=_PASS_ON, add_help_option=False, rich_help_panel=_DEVELOPING)
def drill(context: typer.Context) -> None:
    """Kill and restart parts of the real system and see that nothing is lost; measure it."""
    from services.cli.gates import drill as run_drills

    raise typer.Exit(run_drills(context.args))


@app.command(context_settings=_PASS_ON, add_help_option=False, rich_help_panel=_DEVELOPING)
def chaos(context: typer.Context) -> None:
    """Break the real system by random faults for minutes, and see that every guarantee holds."""
    from services.cli.gates import chaos as run_chaos

    raise typer.Exit(run_chaos(context.args))


@app.command(context_settings=_PASS_ON, add_help_option=False, rich_help_panel=_DEVELOPING)
def prove(context: typer.Context) -> None:
    """Hold the schedules against a model of them, at length: random cases, and decades with absences."""
    from services.cli.gates import prove as run_proofs

    raise typer.Exit(run_proofs(context.args))


@app.command(context_settings=_PASS_ON, add_help_option=False, rich_help_panel=_DEVELOPING)
def simulate(context: typer.Context) -> None:
    """Let the scheduler live through years in which all goes wrong, and compare its ledger with a model."""
    from services.cli.gates import simulate as run_simulation

    raise typer.Exit(run_simulation(context.args))


@app.command(context_settings=_PASS_ON, add_help_option=False, rich_help_panel=_DEVELOPING)
def mutants(context: typer.Context) -> None:
    """Put small faults into the pure core and see a test notice each; MODULE names limit it."""
    from services.cli.gates import mutants as try_mutants

    raise typer.Exit(try_mutants(context.args))


@app.command(context_settings=_PASS_ON, rich_help_panel=_DEVELOPING)
def bench(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Which: schedules, planner, output, sandbox or lists.")],
) -> None:
    """Measure a part beside its targets and beside the libraries that others use."""
    from services.cli.gates import bench as run_benchmark

    raise typer.Exit(run_benchmark(name, context.args))


@app.command(rich_help_panel=_DEVELOPING)
def lock() -> None:
    """Write both requirements files anew from pyproject.toml, with hashes and without addresses."""
    from services.cli.gates import lock as write_locks

    raise typer.Exit(write_locks())


@app.command(rich_help_panel=_OPERATING)
def migrate() -> None:
    """Bring the database up to date; PORTAL_DATABASE_URL names another than the default."""
    import asyncio

    from shared.db.migrate import upgrade
    from shared.runtime.settings import DatabaseSettings

    asyncio.run(upgrade(DatabaseSettings()))


@app.command(rich_help_panel=_OPERATING)
def secrets(
    folder: Annotated[Path, typer.Argument(help="Gets one folder per service.")],
    *,
    broker_host: Annotated[str, typer.Option(help="Where services find RabbitMQ.")] = "rabbitmq",
    rabbitmq_uid: Annotated[int, typer.Option(min=0, help="Reads rabbitmq/.")] = 999,
    postgres_uid: Annotated[int, typer.Option(min=0, help="Reads postgres/.")] = 999,
    services_uid: Annotated[int, typer.Option(min=0, help="Reads scheduler/ and ui/.")] = 10001,
    executor_uid: Annotated[int, typer.Option(min=0, help="Reads executor/; root: no script can.")] = 0,
) -> None:
    """Make the passwords and keys of containers, each in the folder of its reader. Repeating it is safe."""
    from services.cli.credentials import Owners, lay_out

    owners = Owners(
        rabbitmq=rabbitmq_uid, postgres=postgres_uid, services=services_uid, executor=executor_uid
    )
    lay_out(folder, broker_host=broker_host, owners=owners)


@app.command("rotate-key", rich_help_panel=_OPERATING)
def rotate_key(
    *,
    home: HomeOption = None,
    folder: Annotated[
        Path | None, typer.Option("--in", help="Instead of a home: what `portal secrets` made.")
    ] = None,
    drop_old: Annotated[
        bool, typer.Option("--drop-old", help="Let older keys go, once nothing needs them.")
    ] = False,
) -> None:
    """Make a new key for secrets and seal every stored secret with it. Repeating it is safe."""
    import asyncio

    from services.cli.console import Console
    from services.cli.errors import CannotStart
    from services.cli.rotation import key_files, rotate
    from shared.runtime.settings import DatabaseSettings

    chosen, console = homes.chosen(home), Console()
    try:
        files = key_files(chosen, folder)
    except CannotStart as error:
        console.say(str(error))
        raise typer.Exit(1) from error
    settings = DatabaseSettings() if folder else DatabaseSettings(home=chosen.folder)
    raise typer.Exit(asyncio.run(rotate(settings, files, console, drop=drop_old)))


class Shell(StrEnum):
    """A shell whose completion is known."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


@app.command(rich_help_panel=_OPERATING)
def completion(shell: Annotated[Shell, typer.Argument(help="Whose.")]) -> None:
    """Print what lets a shell complete `portal`.

    Example: portal completion bash > ~/.local/share/bash-completion/completions/portal
    """
    from typer.completion import get_completion_script  # type: ignore[attr-defined]

    print(get_completion_script(prog_name="portal", complete_var=_COMPLETES, shell=shell))


def main() -> None:
    """Run the command line; what it cannot do is one line on stderr and an exit code."""
    if _COMPLETES in os.environ:
        from typer.completion import completion_init  # type: ignore[attr-defined]

        completion_init()
    try:
        app(prog_name="portal")
    except CannotDo as error:
        first, *others = str(error).splitlines()
        print("\n".join((f"portal: {plain(first)}", *map(plain, others))), file=sys.stderr)
        sys.exit(error.code)
