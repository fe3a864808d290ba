"""`portal user`: users made on the portal's own machine, for the first owner and for lost passwords."""

# ruff: noqa: PLC0415 - imports inside the commands, so that `portal --help` is quick

import os
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any

import typer

from services.cli import home as homes
from services.cli import people
from services.cli.asking import HomeOption
from services.cli.errors import CannotDo, Exit

app = typer.Typer(
    help="Users of the portal: made on its own machine, listed and changed from any.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)
app.command("list")(people.list_users)
app.command("change")(people.change_user)

Name = Annotated[str, typer.Argument(help="The name that the user signs in with.")]


@app.command()
def add(
    name: Name,
    *,
    role: Annotated[str, typer.Option(help="viewer, operator, editor or admin.")] = "viewer",
    home: HomeOption = None,
) -> None:
    """Make a user and print the link by which they choose a password, once."""
    _print_link(home, lambda users: _added(users, name, role))


@app.command()
def link(name: Name, *, home: HomeOption = None) -> None:
    """Print a new link by which a user chooses another password, once; it works for three days."""
    _print_link(home, lambda users: _linked(users, name))


def _print_link(home: Path | None, ask: Callable[[Any], Coroutine[Any, Any, str]]) -> None:
    import asyncio

    from services.cli import record
    from shared.domain.errors import PortalError

    chosen = homes.chosen(home)
    if not os.environ.get("PORTAL_DATABASE_URL") and not (chosen.folder / "portal.db").exists():
        raise CannotDo(f"No portal was ever started in {chosen.folder}: name its home.", Exit.NOT_THERE)
    try:
        code = asyncio.run(_asked(chosen, ask))
    except PortalError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
    running = record.running(chosen.record)
    usual = "http://127.0.0.1:8080" if running is None else running.portal_url
    base = os.environ.get("PORTAL_PUBLIC_URL") or usual
    typer.echo(f"{base.rstrip('/')}/join?code={code}")


async def _asked(home: homes.Home, ask: Callable[[Any], Coroutine[Any, Any, str]]) -> str:
    from services.ui.access import acting
    from services.ui.access.local_key import WHO
    from services.ui.access.presence import Presence
    from services.ui.access.signing_in import SignIn
    from services.ui.commands.users import Users
    from shared.db.engine import open_database
    from shared.db.schema import not_migrated, problem_with_schema
    from shared.runtime.clock import SystemClock
    from shared.runtime.settings import DatabaseSettings

    clock = SystemClock()
    async with open_database(DatabaseSettings(home=home.folder), name="portal user") as database:
        problem = await problem_with_schema(database.reading)
        if problem is not None:
            raise not_migrated(problem)
        users = Users(database, clock, SignIn(database.ledger, clock, Presence()))
        with acting(WHO):
            return await ask(users)


async def _added(users: Any, name: str, role: str) -> str:
    from shared.domain.access import Role
    from shared.domain.errors import InvalidInput

    if role not in {*Role}:
        raise InvalidInput("role", f"Choose one of these roles: {', '.join(Role)}.")
    _, code = await users.create(name, Role(role), {})
    return str(code)


async def _linked(users: Any, name: str) -> str:
    from shared.domain.errors import NotFound
    from shared.domain.job import name_key

    for one in await users.all():
        if name_key(one.name) == name_key(name.strip()):
            return str(await users.link(one.id))
    raise NotFound(f"There is no user {name!r}. Make one: portal user add NAME.")
