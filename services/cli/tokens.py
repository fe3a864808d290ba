"""`portal whoami` and `portal tokens`: who asks, and what programs show to be known."""

import getpass
import sys
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from services.cli.asking import Asked, Listing, asks
from services.cli.errors import CannotDo, Exit
from services.cli.told import facts, now, plain, table, when

_WAYS = {"local": "the key of its home", "token": "a token", "session": "a password"}
app = typer.Typer(
    cls=Listing,
    help="Lists your tokens, makes one for a program, and revokes one. Alone it lists them.",
    add_completion=False,
    rich_markup_mode=None,
)


@app.command("list")
@asks
def list_tokens(
    asked: Asked,
    *,
    everybody: Annotated[bool, typer.Option("--all", help="Everybody's; for admins.")] = False,
) -> None:
    """List tokens: whose, what each may, until when, and when it was last used.

    Example: portal tokens --all
    """
    page = asked.client.get("/tokens", everybody=everybody)
    at = now()
    rows = [
        (
            one["name"],
            one["owner"],
            one["prefix"],
            _scope(one),
            when(one["expires_at"], at),
            when(one["last_used_at"], at),
            one["id"],
        )
        for one in page["items"]
    ]
    asked.show(page, table(("NAME", "OWNER", "BEGINS", "MAY", "EXPIRES", "LAST USED", "ID"), rows))
    if not rows and not asked.as_json:
        asked.note("There is no token: `portal tokens create NAME` makes one.")


@app.command()
@asks
def create(
    asked: Asked,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What will use it: a program, a machine.")],
    *,
    user: Annotated[
        str | None, typer.Option(help="Who you are on the portal's pages; else it is asked.")
    ] = None,
    role: Annotated[
        str, typer.Option(help="viewer, operator, editor or admin: no more than you are.")
    ] = "viewer",
    folder: Annotated[str | None, typer.Option(help="Only for jobs whose scripts lie there.")] = None,
    days: Annotated[int, typer.Option(help="How long it is good: up to 366.")] = 90,
) -> None:
    """Make a token and print it, once, alone on stdout.

    Only people make tokens: your password is asked for, or read from standard input.

    Example: portal tokens create ci --user ann --role operator --days 30
    """
    known_as = user or _asked_for("Your name: ")
    with asked.client.signed_in(known_as, _password()) as mine:
        body = {"name": name, "role": role, "folder": folder, "expires_days": days}
        made = mine.post("/tokens", body=body)
    asked.show(made, [made["token"]])
    if not asked.as_json:
        asked.note(f"{_scope(made)}, until {when(made['expires_at'], now())}. It is not shown again.")


@app.command()
@asks
def revoke(
    asked: Asked, which: Annotated[str, typer.Argument(metavar="TOKEN", help="Its name, or its id.")]
) -> None:
    """Let a token be good for nothing from now on.

    Example: portal tokens revoke ci
    """
    found = [one for one in asked.client.get("/tokens")["items"] if which in {one["id"], one["name"]}]
    if len(found) > 1:
        ids = ", ".join(str(one["id"]) for one in found)
        raise CannotDo(f"{len(found)} tokens are called {which!r}: say which by its id, {ids}.", Exit.WRONG)
    asked.client.delete("/tokens/{}", found[0]["id"] if found else which)
    asked.show({"id": found[0]["id"] if found else which}, [f"Revoked: {plain(which)}."])


@asks
def whoami(asked: Asked) -> None:
    """Say which portal is asked, as whom, and what they may.

    Example: PORTAL_TOKEN=jtp_... portal whoami --url https://jobs.example.org
    """
    me = asked.client.get("/me")
    user = me["user"]
    grants = [f"{role} in {folder}" for folder, role in user["grants"].items()]
    told = (("Portal", asked.client.url), ("Name", user["name"]), ("May", ", ".join((user["role"], *grants))))
    asked.show(me, facts((*told, ("Known by", _WAYS.get(user["via"], user["via"])))))


def _asked_for(words: str) -> str:
    if not sys.stdin.isatty():
        raise typer.BadParameter("Say who you are.", param_hint="--user")
    print(words, end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip()


def _password() -> str:
    return getpass.getpass("Your password: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")


def _scope(token: Mapping[str, Any]) -> str:
    return str(token["role"]) + (f" in {token['folder']}" if token["folder"] else "")
