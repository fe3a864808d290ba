"""`portal schedule`: what an expression means and when it fires, without broker or database."""

# ruff: noqa: PLC0415 - imports inside the commands, so that `portal --help` is quick

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    help="Say what cron expressions mean and when they fire.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)

ZoneOption = Annotated[str, typer.Option("--zone", help="IANA zone in which the expression is read.")]
SeedOption = Annotated[
    str | None,
    typer.Option("--seed", help="What chooses the value of H: a job's id. Default: the expression."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]


@app.command("next")
def next_fires(  # noqa: PLR0913 - an option each
    expr: Annotated[str, typer.Argument(help="An expression such as '0 9 * * MON-FRI', in quotes.")] = "",
    *,
    zone: ZoneOption = "Asia/Hong_Kong",
    start: Annotated[
        str | None,
        typer.Option(
            "--from", help="ISO 8601; without an offset it is local time of the zone. Default: now."
        ),
    ] = None,
    count: Annotated[int, typer.Option(min=1, max=10_000, help="How many instants.")] = 10,
    seed: SeedOption = None,
    json: JsonOption = False,
    batch: Annotated[
        typer.FileText | None,
        typer.Option(help='JSON lines {"expr","tz","start","n"} from a file or -; one answer a line.'),
    ] = None,
) -> None:
    """Say when an expression fires next. Exit code 1: it cannot be read, or never fires."""
    from services.cli.crontab import answer_all, show_next

    if batch is not None:
        raise typer.Exit(answer_all(batch))
    if not expr:
        raise typer.BadParameter("Give an expression in quotes, or --batch.", param_hint="EXPR")
    raise typer.Exit(show_next(expr, zone=zone, start=start, count=count, seed=seed, as_json=json))


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="A crontab; - reads it from standard input.", allow_dash=True)],
    *,
    zone: ZoneOption = "Asia/Hong_Kong",
    json: JsonOption = False,
) -> None:
    """Read a whole crontab: each line in words with its next instant. Exit code 1: a line is wrong."""
    from services.cli.crontab import check_file

    raise typer.Exit(check_file(file, zone=zone, as_json=json))
