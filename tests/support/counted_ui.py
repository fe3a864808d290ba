"""The ui with a window: `python -m tests.support.counted_ui`; SIGUSR1 writes what it holds to $COUNTS.

The ui is the real one; the window counts NiceGUI's clients, the loop's tasks and the open streams.
"""

import asyncio
import gc
import json
import os
import signal
from pathlib import Path
from typing import Any

from nicegui import Client

from services.ui import __main__ as ui
from services.ui.live import Subscriber


def main() -> None:
    """Be the ui."""
    signal.signal(signal.SIGUSR1, _write)
    ui.main()


def _write(*_: Any) -> None:
    gc.collect()
    counts = {
        "clients": len(Client.instances),
        "tasks": len(asyncio.all_tasks()),
        "streams": sum(isinstance(one, Subscriber) for one in gc.get_objects()),
    }
    path = Path(os.environ["COUNTS"])
    path.with_suffix(".new").write_text(json.dumps(counts))
    path.with_suffix(".new").rename(path)


if __name__ == "__main__":
    main()
