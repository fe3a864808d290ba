"""`portal up` around its supervisor: one per home."""

import asyncio

from services.cli import record
from services.cli.console import Console
from services.cli.errors import AlreadyRunning, CannotStart
from services.cli.supervisor import Options, Supervisor


def run(options: Options) -> int:
    """Run a portal until a signal ends it and return the exit code; 1 at once if the home is taken."""
    console = Console()
    try:
        options.home.make()
        with options.home.held():
            return asyncio.run(_supervise(options, console))
    except AlreadyRunning:
        other = record.running(options.home.record)
        where = f", pid {other.pid}, {other.portal_url}" if other is not None else ""
        console.say(f"A portal already runs in {options.home.folder}{where}.")
        console.say("`portal status` shows it, `portal down` stops it, --home starts another one elsewhere.")
    except CannotStart as error:
        console.say(f"The portal cannot start: {error}")
    return 1


async def _supervise(options: Options, console: Console) -> int:
    return await Supervisor(options=options, console=console).run()
