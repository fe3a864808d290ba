"""What a page that was opened and left behind leaves in the ui: nothing."""

import httpx
from anyio.from_thread import start_blocking_portal

from tests.support.eventually import eventually
from tests.support.replicas import Replica, another_ui, open_and_close
from tests.support.stack import Stack

PAGES = ("/", "/jobs", "/jobs/new", "/runs", "/executors", "/scripts")


def test_pages_that_were_closed_leave_no_client_no_task_and_no_stream(stack: Stack) -> None:
    # Not asyncio.run: where a browser was driven before, this thread has a loop that runs.
    with another_ui(stack, "tests.support.counted_ui") as ui, start_blocking_portal() as loop:
        loop.call(visited, ui, 1)
        eventually(lambda: ui.count()["clients"] == 0, within_s=60, what="no page has a client")
        before = ui.count()

        loop.call(visited, ui, 5)

        eventually(lambda: is_no_more(ui.count(), before), within_s=60, what=f"it holds {before} again")


async def visited(ui: Replica, rounds: int) -> None:
    async with httpx.AsyncClient(base_url=ui.url, timeout=30, headers=ui.known) as http:
        for path in PAGES * rounds:
            await open_and_close(http, path)


def is_no_more(held: dict[str, int], before: dict[str, int]) -> bool:
    return all(held[name] <= before[name] for name in before)
