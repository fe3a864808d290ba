"""A ui of the test's own: on either database, with the real broker for the tests that ask for it."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from services.ui import app
from services.ui.access import acting
from services.ui.access.local_key import WHO
from services.ui.app import Parts
from services.ui.settings import UiSettings
from shared.db.engine import Database, open_database
from shared.runtime.clock import SystemClock
from shared.runtime.settings import DatabaseSettings
from tests.integration.ui.stage import NOWHERE, ClockFromNow, a_client

SCRIPTS = Path(__file__).parents[3] / "scripts"


@pytest.fixture
def home(tmp_path: Path, migrated_home: Path) -> Path:
    """A migrated home on SQLite, for tests of the process."""
    return Path(shutil.copytree(migrated_home, tmp_path / "home"))


@pytest.fixture
def settings(store: DatabaseSettings) -> UiSettings:
    """Settings of a ui whose broker is away."""
    return UiSettings(
        home=store.home, database_url=store.database_url, amqp_url=NOWHERE, ui_port=0, scripts_dir=SCRIPTS
    )


@pytest.fixture
def live_settings(settings: UiSettings, amqp_url: str) -> UiSettings:
    """Settings of a ui whose broker is there."""
    return settings.model_copy(update={"amqp_url": type(settings.amqp_url)(amqp_url)})


@pytest.fixture
async def database(settings: UiSettings) -> AsyncIterator[Database]:
    async with open_database(settings) as opened:
        yield opened


@pytest.fixture
def parts(settings: UiSettings, database: Database) -> Parts:
    return app.compose(settings, database, ClockFromNow())


@pytest.fixture
def live_parts(live_settings: UiSettings, database: Database) -> Parts:
    return app.compose(live_settings, database, SystemClock())


@pytest.fixture
async def client(parts: Parts) -> AsyncIterator[httpx.AsyncClient]:
    """A program of this machine that speaks to the API; the broker is away."""
    async with a_client(parts.portal) as opened:
        yield opened


@pytest.fixture(autouse=True)
async def somebody() -> AsyncIterator[None]:
    """What a test does without the API it does as this machine's command line."""
    with acting(WHO):
        yield
