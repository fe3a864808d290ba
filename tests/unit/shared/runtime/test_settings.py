"""What the environment and the folder of secrets say about the database."""

import os
from pathlib import Path

import pytest

from shared.runtime.settings import DatabaseSettings

URL = "postgresql://portal@db/portal"


@pytest.fixture(autouse=True)
def secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An environment that says nothing, and an empty folder of secrets."""
    for name in [name for name in os.environ if name.startswith("PORTAL_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PORTAL_SECRETS_DIR", str(tmp_path))
    return tmp_path


def test_without_a_word_it_is_sqlite_in_the_home_with_the_logs_beside_it(tmp_path: Path) -> None:
    settings = DatabaseSettings(home=tmp_path)

    assert settings.ledger_url == f"sqlite+aiosqlite:///{tmp_path}/portal.db"
    assert settings.logs_url == f"sqlite+aiosqlite:///{tmp_path}/logs.db"


@pytest.mark.parametrize(
    ("given", "used"),
    [
        (URL, "postgresql+asyncpg://portal@db/portal"),
        ("postgres://portal@db/portal", "postgresql+asyncpg://portal@db/portal"),
        ("postgresql+asyncpg://portal@db/portal", "postgresql+asyncpg://portal@db/portal"),
        (
            "postgresql://portal@db/portal?sslmode=require",
            "postgresql+asyncpg://portal@db/portal?sslmode=require",
        ),
        ("sqlite:////data/portal.db", "sqlite+aiosqlite:////data/portal.db"),
        ("sqlite+aiosqlite:////data/portal.db", "sqlite+aiosqlite:////data/portal.db"),
    ],
)
def test_an_address_is_used_with_our_driver(given: str, used: str) -> None:
    assert DatabaseSettings(database_url=given).ledger_url == used


def test_on_postgresql_ledger_and_logs_are_one_database_unless_said_otherwise() -> None:
    one = DatabaseSettings(database_url=URL)
    two = DatabaseSettings(database_url=URL, logs_database_url="postgres://portal@db/logs")

    assert one.logs_url == one.ledger_url
    assert two.logs_url == "postgresql+asyncpg://portal@db/logs"


@pytest.mark.parametrize(
    ("url", "completed"),
    [
        (URL, "postgresql+asyncpg://portal:a%2Fb%40c%3A%25@db/portal"),
        ("postgresql://portal@db:5433/portal?ssl=require", None),
        ("postgresql://portal:own@db/portal", "postgresql+asyncpg://portal:own@db/portal"),
        ("postgresql://db/portal", "postgresql+asyncpg://db/portal"),
    ],
)
def test_a_password_goes_where_a_user_has_none(url: str, completed: str | None) -> None:
    expected = completed or "postgresql+asyncpg://portal:a%2Fb%40c%3A%25@db:5433/portal?ssl=require"

    settings = DatabaseSettings(database_url=url, database_password="a/b@c:%")

    assert settings.ledger_url == settings.logs_url == expected


def test_a_secret_may_come_as_a_file_and_a_variable_wins(
    secrets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (secrets / "portal_database_password").write_text("from-file\n")
    (secrets / "portal_database_url").write_text(URL)
    from_file = DatabaseSettings().ledger_url

    monkeypatch.setenv("PORTAL_DATABASE_PASSWORD", "from-variable")
    from_variable = DatabaseSettings().ledger_url

    assert from_file == "postgresql+asyncpg://portal:from-file@db/portal"
    assert from_variable == "postgresql+asyncpg://portal:from-variable@db/portal"


def test_a_password_is_not_shown_by_the_settings() -> None:
    settings = DatabaseSettings(database_url=URL, database_password="open sesame")

    assert "open sesame" not in repr(settings)
