from pathlib import Path

import pytest

from services.cli.environment import Settings
from services.cli.home import Home


def test_executors_are_told_nothing_of_the_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("URL", "PASSWORD"):
        monkeypatch.setenv(f"PORTAL_DATABASE_{name}", "secret")
    monkeypatch.setenv("PORTAL_LOGS_DATABASE_URL", "secret")
    urls = dict.fromkeys(("scheduler", "executor", "ui"), "amqp://here")
    settings = Settings(home=Home(tmp_path), amqp_urls=urls, ui_port=1, sandbox="process")

    executor = settings.for_executor("executor-1", 2)

    assert "secret" not in executor.values()
    for environment in (settings.for_scheduler(3), settings.for_ui(), settings.for_migrate()):
        assert environment["PORTAL_DATABASE_PASSWORD"] == "secret"
