"""A process that was asked to end does so, whatever its libraries leave behind."""

import subprocess
import sys

from tests.support.stack import ROOT

LEAVES_A_TASK = """
import asyncio
from shared.runtime import lifecycle

left = []

async def never():
    while True:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            pass

async def body(stop):
    left.append(asyncio.ensure_future(never()))
    await asyncio.sleep(0)

lifecycle.run(body)
"""


def test_a_task_that_does_not_end_keeps_no_process() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", LEAVES_A_TASK],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert ended.returncode == 0
    assert "does not end" in ended.stdout + ended.stderr
