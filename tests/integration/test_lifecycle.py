"""A process that was asked to end does so, whatever its libraries leave behind."""

import subprocess
import sys

import pytest

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

async def gives_up():
    raise SystemExit('grant it the right')

async def body(stop):
    left.append(asyncio.ensure_future(never()))
    await asyncio.sleep(0)
    {end}

lifecycle.run(body)
"""


@pytest.mark.parametrize(
    ("end", "code", "words"),
    [
        ("return", 0, ""),
        ("raise ValueError('seven')", 1, "ValueError: seven\n"),
        # Another part ends the process, and the body waits for what does not end.
        ("left.append(asyncio.ensure_future(gives_up())); await never()", 1, "grant it the right\n"),
    ],
)
def test_a_task_that_does_not_end_keeps_no_process(end: str, code: int, words: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", LEAVES_A_TASK.replace("{end}", end)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert ended.returncode == code
    assert ended.stderr.strip().endswith(words.strip())
    assert "does not end" in ended.stdout + ended.stderr
