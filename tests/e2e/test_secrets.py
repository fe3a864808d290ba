"""A secret on the real system: it reaches its script, and can be read nowhere on its way."""

import base64
import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.support.eventually import eventually
from tests.support.stack import Stack

VALUE = "hunter2-sentinel-of-the-whole-system"
SCRIPT = """
import hashlib, os, pathlib, sys, time
typed = os.environ["PORTAL_PARAM_PIN"]
for text in (os.environ["TOKEN"], pathlib.Path(os.environ["KEY_FILE"]).read_text(), typed):
    print(hashlib.sha256(text.encode()).hexdigest(), flush=True)
print(typed, flush=True)
while not pathlib.Path(sys.argv[1]).exists():
    time.sleep(0.01)
sys.exit(int(pathlib.Path(sys.argv[1]).read_text()))
"""


@contextmanager
def overheard(stack: Stack) -> Iterator[list[str]]:
    """Hear every message that goes through the broker, replies too, by its own tracing."""
    password = (stack.home / "secrets" / "broker.password").read_text()
    url = f"http://127.0.0.1:{stack.port('management')}/api"
    heard: list[str] = []
    with httpx.Client(base_url=url, auth=("portal", password), timeout=10) as broker:
        broker.put("/vhosts/%2F", json={"tracing": True}).raise_for_status()
        broker.put("/queues/%2F/overheard", json={"durable": True}).raise_for_status()
        binding = {"routing_key": "#"}
        broker.post("/bindings/%2F/e/amq.rabbitmq.trace/q/overheard", json=binding).raise_for_status()
        try:
            yield heard
            wanted = {"count": 100_000, "ackmode": "ack_requeue_false", "encoding": "auto"}
            for message in broker.post("/queues/%2F/overheard/get", json=wanted).raise_for_status().json():
                body = message["payload"]
                if message["payload_encoding"] == "base64":
                    body = base64.b64decode(body).decode("utf-8", "replace")
                heard.append(json.dumps(message["properties"]) + body)
        finally:
            broker.put("/vhosts/%2F", json={"tracing": False})
            broker.delete("/queues/%2F/overheard")


def files_with(folder: Path, text: str) -> set[str]:
    """Return the files that hold this text: databases, journals, spools, logs, those of the broker."""
    found = set()
    for path in folder.rglob("*"):
        try:
            if path.is_file() and text.encode() in path.read_bytes():
                found.add(str(path.relative_to(folder)))
        except OSError:
            continue  # it went away meanwhile, as what was sent and acknowledged does
    return found


def processes_with(text: str, name: str) -> set[int]:
    found = set()
    for path in Path("/proc").glob(f"[0-9]*/{name}"):
        try:
            if text.encode() in path.read_bytes():
                found.add(int(path.parent.name))
        except OSError:
            continue  # it has ended meanwhile
    return found


def test_a_secret_reaches_its_script_and_can_be_read_nowhere_else(stack: Stack, scripts: Path) -> None:
    (scripts / "given.py").write_text(SCRIPT)
    end = stack.home.parent / "end.given"
    folder = stack.home.parent
    digest = hashlib.sha256(VALUE.encode()).hexdigest()
    with overheard(stack) as messages:
        for name in ("TOKEN", "KEY"):
            stack.ask("PUT", f"/secrets/{name}", json={"value": VALUE, "description": "a sentinel"})
        uses = [{"name": "TOKEN"}, {"name": "KEY", "as_file": True}]
        pin = [{"name": "pin", "kind": "secret"}]
        job = stack.create("is given secrets", "given.py", args=[str(end)], secrets=uses, parameters=pin)
        run_id = stack.ask("POST", f"/jobs/{job}/run", json={"parameters": {"pin": VALUE}})["run_id"]
        eventually(
            lambda: stack.http.get(f"/api/v1/runs/{run_id}/log.txt").text == f"{digest}\n" * 3 + "***\n",
            within_s=30,
            what="the script has all of them",
        )
        with_value = files_with(folder, VALUE)
        in_arguments, in_environment = processes_with(VALUE, "cmdline"), processes_with(VALUE, "environ")
        end.write_text("7")
        ended = stack.ended(run_id)

    ((sealed,),) = stack.rows("SELECT sealed FROM secrets WHERE name = 'TOKEN'")
    assert (ended["state"], ended["exit_code"]) == ("failed", 7)
    (file,) = with_value
    assert file.endswith("/.secrets/KEY")
    assert (in_arguments, len(in_environment)) == (set(), 1)
    # What was looked at is where it would have been: there the sealed text is.
    assert any(sealed in message for message in messages)
    assert not any(VALUE in message for message in messages)
    assert any("portal.db" in name for name in files_with(folder, sealed))
    eventually(lambda: not files_with(folder, VALUE), within_s=20, what="its file is removed")
    asked = (
        "/secrets",
        f"/jobs/{job}",
        f"/runs/{run_id}",
        "/jobs",
        "/runs",
        "/openapi.json",
        f"/runs/{run_id}/log",
    )
    pages = ("/", "/secrets", f"/jobs/{job}", f"/jobs/{job}/edit", f"/runs/{run_id}")
    for path in (*(f"/api/v1{one}" for one in asked), *pages):
        assert VALUE not in stack.http.get(path).text, path


def test_a_key_that_is_rotated_while_all_of_it_runs_costs_no_run(stack: Stack, scripts: Path) -> None:
    (scripts / "digest.py").write_text(
        "import os; assert os.environ['ROTATED'] == os.environ['PORTAL_PARAM_TYPED']\n"
    )
    stack.ask("PUT", "/secrets/ROTATED", json={"value": VALUE})
    typed = [{"name": "typed", "kind": "secret", "required": True}]
    job = stack.create("rotated", "digest.py", secrets=[{"name": "ROTATED"}], parameters=typed)
    first = stack.ended(
        stack.ask("POST", f"/jobs/{job}/run", json={"parameters": {"typed": VALUE}})["run_id"]
    )
    rotate = [sys.executable, "-m", "services.cli", "rotate-key", "--home", str(stack.home)]

    for options in ([], ["--drop-old"]):
        subprocess.run([*rotate, *options], check=True)
        run = stack.ended(stack.ask("POST", f"/runs/{first['id']}/rerun")["run_id"])

        assert run["state"] == "succeeded", run["detail"]
