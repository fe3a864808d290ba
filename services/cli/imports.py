"""`portal import`: a crontab, or an older portal's jobs, as a document to look at and to apply."""

# ruff: noqa: PLC0415 - imports inside the commands, so that `portal --help` is quick

import os
import sys
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

import typer

from services.cli import home as homes
from services.cli.asking import Asked, HomeOption, JsonOption, TokenOption, UrlOption, opened
from services.cli.errors import CannotDo, Exit
from services.cli.files import File, add_text, read, write
from services.cli.taken import Imported

app = typer.Typer(
    help="Makes jobs of a crontab or of an older portal's, as a file that you look at and apply.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)
Output = Annotated[
    Path | None,
    typer.Option("-o", "--output", metavar="FILE", help="Write the YAML there instead of printing it."),
]
Scripts = Annotated[
    Path | None,
    typer.Option(help="Where the crontab finds the portal's scripts. Default: the scripts directory."),
]
Wrap = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR", help="Make a script of each other command in this folder of the scripts directory."
    ),
]
Apply = Annotated[bool, typer.Option("--apply", help="Apply it at once: shows the plan, and asks.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="With --apply: do not ask.")]


@app.command()
def crontab(  # noqa: PLR0913 - an option each
    file: File,
    *,
    system: Annotated[
        bool, typer.Option("--system", help="Each line names a user, as in /etc/crontab and /etc/cron.d.")
    ] = False,
    zone: Annotated[
        str, typer.Option(envvar="PORTAL_DEFAULT_ZONE", help="Whose times these are: that of cron's machine.")
    ] = "Asia/Hong_Kong",
    scripts: Scripts = None,
    wrap: Wrap = None,
    output: Output = None,
    apply: Apply = False,
    yes: Yes = False,
    json: JsonOption = False,
    home: HomeOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Make jobs of a crontab. What is understood, and what is not and why, is told line by line.

    Example: crontab -l | portal import crontab - -o jobs.yaml
    """
    from services.cli.from_crontab import CrontabReader, Reading
    from services.cli.told import now

    root = _scripts_dir()
    reading = Reading(
        zone=_zone(zone),
        scripts=PurePosixPath((scripts or root).absolute()),
        now=now(),
        has_users=system,
        wrap=None if wrap is None else _below(wrap, root),
    )
    reader = CrontabReader(reading=reading)
    found = reader.read(read(file))
    _write_scripts(root, reader.scripts)
    _tell(found, zone=zone, output=output, applies=apply, as_json=json)
    if apply and found.jobs:
        where = {"home": home, "url": url, "token": token}
        _apply(found, zone=zone, yes=yes, may_ask=str(file) != "-", where=where)


@app.command("portal")
def older_portal(  # noqa: PLR0913 - an option each
    database: Annotated[
        str,
        typer.Argument(metavar="DATABASE", help="postgresql://user:password@host/name, or a file of SQLite."),
    ],
    *,
    output: Output = None,
    apply: Apply = False,
    yes: Yes = False,
    json: JsonOption = False,
    home: HomeOption = None,
    url: UrlOption = None,
    token: TokenOption = None,
) -> None:
    """Make jobs of an older portal's table scheduled_jobs; its database is only read.

    Example: portal import portal ./old.db -o jobs.yaml
    """
    import asyncio
    from dataclasses import replace

    from services.cli.from_portal import ZONE, jobs_of
    from services.cli.old_database import read_old_portal

    old = asyncio.run(read_old_portal(database))
    found = jobs_of(old.jobs)
    found = replace(found, remarks=tuple(_of_history(old.runs)))
    _tell(found, zone=ZONE, output=output, applies=apply, as_json=json)
    if apply and found.jobs:
        _apply(found, zone=ZONE, yes=yes, may_ask=True, where={"home": home, "url": url, "token": token})


def _document(found: Imported, zone: str) -> str:
    from services.ui.documents.document import write_document

    return write_document(found.jobs, zone=zone)


def _tell(found: Imported, *, zone: str, output: Path | None, applies: bool, as_json: bool) -> None:
    text = _document(found, zone)
    if output is not None:
        write(output, text)
    if as_json:
        print(found.as_json(text))
        return
    if output is None and not applies:
        sys.stdout.write(text)
    for line in found.lines():
        print(line, file=sys.stderr)


def _apply(found: Imported, *, zone: str, yes: bool, may_ask: bool, where: dict[str, Any]) -> None:
    with opened(**where) as client:
        add_text(Asked(client, as_json=False), _document(found, zone), yes=yes, may_ask=may_ask)


def _of_history(runs: Any) -> list[str]:
    if not runs:
        return []
    total = sum(row["runs"] for row in runs)
    by_status = ", ".join(f"{row['runs']:,} {row['status']}" for row in runs)
    first, last = min(str(row["first"]) for row in runs), max(str(row["last"]) for row in runs)
    words = (
        f"job_execution_logs has {total:,} runs ({by_status}), {first} to {last} UTC: they are not taken."
        " They do not say which instant was promised, where it ran, or when it ended, and this ledger holds"
        " nothing that nobody saw. Keep the old database to read them."
    )
    return [words]


def _zone(name: str) -> str:
    from shared.domain.errors import InvalidInput
    from shared.domain.schedules import checked_zone

    try:
        return checked_zone(name)
    except InvalidInput as error:
        raise CannotDo(f"--zone: {error.message}", Exit.WRONG) from error


def _scripts_dir() -> Path:
    return Path(os.environ.get("PORTAL_SCRIPTS_DIR") or homes.TREE / "scripts").absolute()


def _below(folder: Path, root: Path) -> str:
    try:
        inner = folder.absolute().resolve().relative_to(root.resolve())
    except ValueError:
        inner = Path()
    if inner == Path():
        raise CannotDo(f"--wrap: name a folder below {root}, such as {root / 'from-crontab'}.", Exit.WRONG)
    return inner.as_posix()


def _write_scripts(root: Path, scripts: dict[str, str]) -> None:
    """Write those that do not exist yet; nothing is written where one is there that says something else.

    Raises:
        CannotDo: one is there, or cannot be written.
    """
    try:
        fresh = {root / name: text for name, text in scripts.items() if not (root / name).exists()}
        for name, text in scripts.items():
            if root / name not in fresh and (root / name).read_text("utf-8", "replace") != text:
                raise CannotDo(f"{root / name} is there already, and is another one. Choose another folder.")
        for path, text in fresh.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
            path.chmod(0o755)
    except OSError as error:
        raise CannotDo(f"{error.filename}: {error.strerror}.") from error
