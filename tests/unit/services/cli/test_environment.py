from pathlib import Path

import pytest

from services.cli.environment import Settings
from services.cli.home import Home


def settings_in(folder: Path) -> Settings:
    urls = dict.fromkeys(("scheduler", "executor", "ui"), "amqp://here")
    return Settings(home=Home(folder), amqp_urls=urls, ui_port=1, sandbox="process")


def test_every_service_reads_the_pinned_rules_of_zones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONTZPATH", "/usr/share/zoneinfo")
    settings = settings_in(tmp_path)
    services = (settings.for_scheduler(1), settings.for_executor("one", 2), settings.for_ui())

    paths = {service["PYTHONTZPATH"] for service in (*services, settings.for_migrate())}

    assert paths == {""}


def test_executors_are_told_nothing_of_the_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("URL", "PASSWORD"):
        monkeypatch.setenv(f"PORTAL_DATABASE_{name}", "secret")
    monkeypatch.setenv("PORTAL_LOGS_DATABASE_URL", "secret")
    settings = settings_in(tmp_path)

    executor = settings.for_executor("executor-1", 2)

    assert "secret" not in executor.values()
    for environment in (settings.for_scheduler(3), settings.for_ui(), settings.for_migrate()):
        assert environment["PORTAL_DATABASE_PASSWORD"] == "secret"
