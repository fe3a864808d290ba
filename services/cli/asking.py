"""What every command that asks a portal has in common: how it is found, `--json`, and what is shown."""

import functools
import inspect
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Concatenate, ParamSpec

import typer
from typer.core import TyperGroup

from services.cli.client import Client

Options = ParamSpec("Options")
_WHOLE = 1_000
"""Characters of a first sentence: it is wrapped, not cut."""

HomeOption = Annotated[
    Path | None,
    typer.Option("--home", help="Folder of the state. Default: PORTAL_HOME, else .portal in the tree."),
]
UrlOption = Annotated[
    str | None,
    typer.Option("--url", help="Another portal. Default: PORTAL_URL, else the one that runs in the home."),
]
TokenOption = Annotated[
    str | None,
    typer.Option(
        "--token", help="Who asks. Default: PORTAL_TOKEN, which others cannot see as arguments are."
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document, as the API has it.")]


@dataclass(frozen=True, slots=True)
class Asked:
    """An open portal, and how its answer is wanted."""

    client: Client
    as_json: bool

    def show(self, value: Any, lines: Iterable[str] = ()) -> None:
        """Print the value as JSON where that is wanted, else the lines."""
        if self.as_json:
            json.dump(value, sys.stdout, ensure_ascii=False, indent=2)
            print()
            return
        for line in lines:
            print(line)

    def note(self, text: str) -> None:
        """Print a line for people beside the answer."""
        print(text, file=sys.stderr)


@contextmanager
def opened(*, home: Path | None, url: str | None, token: str | None) -> Iterator[Client]:
    """Open the portal that these options and the environment name."""
    if home is None:
        token = token or os.environ.get("PORTAL_TOKEN")
    if home is None and url is None:
        url = os.environ.get("PORTAL_URL")
    with Client.open(home, url, token) as client:
        yield client


def asks(command: Callable[Concatenate[Asked, Options], None]) -> Callable[Options, None]:
    """Give a command the options by which a portal is found; it is called with the open portal first."""

    @functools.wraps(command)
    def asked(*args: Options.args, **options: Options.kwargs) -> None:
        where: dict[str, Any] = {name: options.pop(name, None) for name in ("home", "url", "token")}
        as_json = bool(options.pop("as_json", False))
        with opened(**where) as client:
            command(Asked(client, as_json), *args, **options)

    own = [one for name, one in inspect.signature(command).parameters.items() if name != "asked"]
    shared = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
        for name, default, annotation in (
            ("as_json", False, JsonOption),
            ("home", None, HomeOption),
            ("url", None, UrlOption),
            ("token", None, TokenOption),
        )
    ]
    # Typer reads both: what it finds there are the options.
    asked.__signature__ = inspect.Signature([*own, *shared])  # type: ignore[attr-defined]
    asked.__annotations__ = {one.name: one.annotation for one in (*own, *shared)}
    return asked


class Listing(TyperGroup):
    """A group whose list is shown where no command is named: `portal jobs --tag night`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put `list` before options that are none of the group's."""
        # Who completes what is typed so far is told the commands instead.
        if not ctx.resilient_parsing and (not args or (args[0].startswith("-") and args[0] != "--help")):
            args = ["list", *args]
        return super().parse_args(ctx, args)


class Grouped(TyperGroup):
    """The commands of `portal --help` by what they are for."""

    first = ("run", "jobs", "runs", "logs", "why")

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of the commands, those of every day first."""
        return [*self.first, *(name for name in super().list_commands(ctx) if name not in self.first)]

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write a section for each `rich_help_panel`, in the order of their first commands."""
        shown = [
            (name, self.commands[name]) for name in self.list_commands(ctx) if not self.commands[name].hidden
        ]
        widest = max(len(name) for name, _ in shown)
        panels = dict.fromkeys(_panel(command) for _, command in shown)
        for panel in panels:
            with formatter.section(panel):
                formatter.write_dl(
                    [
                        (f"{name:<{widest}}", command.get_short_help_str(_WHOLE))
                        for name, command in shown
                        if _panel(command) == panel
                    ]
                )


def _panel(command: Any) -> str:
    panel = getattr(command, "rich_help_panel", None)
    return panel if isinstance(panel, str) else "Operating"
