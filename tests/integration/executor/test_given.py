"""Secrets on their way into a real script, and what is left of them afterwards."""

from pathlib import Path

import pytest

from services.cli import keyfile
from shared.domain.run import Reason, RunState
from shared.messages.answers import SealedSecret
from shared.runtime.vault import Vault
from tests.integration.executor.conftest import Start
from tests.integration.executor.stage import NAME, Ledger, journal, write_script

SENTINEL = "hunter2-Ünïcode\nsecond line"
SCRIPT = """
import os, pathlib, sys, time
key = pathlib.Path(os.environ["KEY_FILE"])
print(os.environ["TOKEN"] == key.read_text() == bytes.fromhex(sys.argv[1]).decode())
print(oct(key.stat().st_mode), oct(key.parent.stat().st_mode), key.relative_to(pathlib.Path.cwd()))
print(sorted(name for name in os.environ if name.startswith(("KEY", "TOKEN"))), flush=True)
print("it is", os.environ["TOKEN"])
while not pathlib.Path(sys.argv[2]).exists():
    time.sleep(0.01)
"""


@pytest.fixture
def vault(home: Path) -> Vault:
    """The keys that the executor under test reads."""
    keyfile.write(home / "secrets" / "secrets.key", [keyfile.new_key()])
    return Vault(home / "secrets" / "secrets.key")


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


async def test_a_script_is_given_its_secrets_and_the_disk_only_sealed_ones(
    executor: Start, played: Ledger, home: Path, vault: Vault
) -> None:
    write_script(home, "given.py", SCRIPT)
    await executor()
    both = [
        SealedSecret(name=name, sealed=vault.seal(SENTINEL), as_file=name == "KEY")
        for name in ("KEY", "TOKEN")
    ]
    go = home / "go"

    wanted = await played.due("given.py", args=(SENTINEL.encode().hex(), str(go)), secrets=tuple(both))
    await played.until(lambda: any("KEY_FILE" in chunk.text for chunk in played.copies(wanted)))
    (entry,) = journal(home)
    written = contents(home)
    go.touch()

    assert (await played.ended(wanted)).state is RunState.SUCCEEDED
    assert (await played.text(wanted)).splitlines() == [
        "True",
        "0o100400 0o40700 .secrets/KEY",
        "['KEY_FILE', 'TOKEN']",
        "it is ***",
    ]
    work = home / "executors" / NAME / "work"
    has_value = {path for path, content in written.items() if SENTINEL.encode() in content}
    assert has_value == {work / str(wanted.ref.attempt_id) / ".secrets" / "KEY"}
    assert both[0].sealed.encode() in written[entry]
    await played.until(lambda: not any(work.iterdir()))


@pytest.mark.parametrize("sealed", ["", "gAAAAABnothing"])
async def test_a_run_whose_secret_cannot_be_had_fails_before_it_starts(
    executor: Start, played: Ledger, home: Path, vault: Vault, sealed: str
) -> None:
    write_script(home, "touch.py", "import sys; open(sys.argv[1], 'w')")
    await executor()

    wanted = await played.due(
        "touch.py", args=(str(home / "ran"),), secrets=(SealedSecret(name="TOKEN", sealed=sealed),)
    )

    report = await played.ended(wanted)
    assert (report.state, report.reason) == (RunState.FAILED, Reason.START_ERROR)
    assert "TOKEN" in report.detail
    assert "under Secrets" in report.detail
    assert not (home / "ran").exists()
