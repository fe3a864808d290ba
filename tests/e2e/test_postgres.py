"""`portal up` with its database on PostgreSQL."""

import signal
from pathlib import Path

from tests.support.eventually import eventually
from tests.support.postgres import Postgres
from tests.support.stack import running_stack


def test_a_run_succeeds_and_its_log_is_kept_on_postgresql(
    tmp_path: Path, postgres: Postgres, amqp_url: str
) -> None:
    url = postgres.fresh_database()
    settings = {"PORTAL_DATABASE_URL": url, "PORTAL_AMQP_URL": amqp_url}
    with running_stack(tmp_path, executors=1, settings=settings) as stack:
        run = stack.ended(stack.run_now(stack.create("hello once", "hello.py")))
        eventually(
            lambda: stack.ask("GET", f"/runs/{run['id']}")["log"]["complete"],
            within_s=20,
            what="the log is complete",
        )
        log = stack.http.get(f"/api/v1/runs/{run['id']}/log.txt").text
        stack.restart("scheduler", signal.SIGKILL)
        again = stack.ended(stack.run_now(run["job_id"]))

    assert (run["state"], run["number"], again["state"], again["number"]) == ("succeeded", 1, "succeeded", 2)
    assert run["id"] in log
    assert not (stack.home / "portal.db").exists()
    (kept,) = postgres.execute("SELECT state FROM runs ORDER BY number", database=url.rpartition("/")[2])
    assert [row["state"] for row in kept] == ["succeeded", "succeeded"]
    postgres.drop_database(url)
