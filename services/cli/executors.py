"""`portal executors`: who runs what, and who is to take no more."""

from typing import Annotated, Any

import typer

from services.cli.asking import Asked, Listing, asks
from services.cli.told import away, instant, now, plain, table

app = typer.Typer(
    cls=Listing,
    help="Lists executors, and lets one take no more runs. Alone it lists them.",
    add_completion=False,
    rich_markup_mode=None,
)
Name = Annotated[str, typer.Argument(metavar="NAME", help="An executor's name.")]


@app.command("list")
@asks
def list_executors(asked: Asked) -> None:
    """List executors with what they have in hand.

    Example: portal executors --json
    """
    page = asked.client.get("/executors")
    at = now()
    rows = [
        (
            one["name"],
            _state(one),
            f"{one['busy']}/{one['slots']}",
            ", ".join(one["pools"]),
            one["sandbox"],
            str(one["runs_24h"]),
            away(seen, at) if (seen := instant(one["last_seen_at"])) else "-",
            "; ".join(one["problems"]) or "-",
        )
        for one in page["items"]
    ]
    head = ("NAME", "STATE", "BUSY", "POOLS", "SANDBOX", "RUNS 24 H", "SEEN", "PROBLEMS")
    asked.show(page, table(head, rows))
    if not rows and not asked.as_json:
        asked.note("No executor has reported itself yet.")


@app.command()
@asks
def drain(asked: Asked, name: Name) -> None:
    """Let an executor take no more runs and finish what it has; it stays so over restarts.

    Example: portal executors drain executor-1
    """
    page = asked.client.post("/executors/{}/drain", name)
    asked.show(page, [f"Drained: {plain(name)}. It takes no more runs, and finishes what it has."])


@app.command()
@asks
def resume(asked: Asked, name: Name) -> None:
    """Let an executor take runs again.

    Example: portal executors resume executor-1
    """
    page = asked.client.post("/executors/{}/resume", name)
    asked.show(page, [f"Resumed: {plain(name)}. It takes runs again within some 5 seconds."])


def _state(one: dict[str, Any]) -> str:
    if not one["online"]:
        return "left" if one["draining"] else "offline"
    return "draining" if one["draining"] or one["drained_at"] else "online"
