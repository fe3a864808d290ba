"""`portal rotate-key`: every stored secret under a new key, and old ones let go when nothing needs them."""

from pathlib import Path

import pytest

from services.cli import keyfile
from services.cli.console import Console
from services.cli.credentials import lay_out
from services.cli.errors import CannotStart
from services.cli.home import Home
from services.cli.rotation import key_files, rotate
from shared.db.alerts import Channel, channels, put_channel
from shared.db.engine import Database, open_database
from shared.db.parameters import sealed_values, store_sealed
from shared.db.secrets import Secret, put_secret, secrets
from shared.domain.alert import ChannelKind
from shared.domain.ids import RunId, new_id
from shared.runtime.settings import DatabaseSettings
from shared.runtime.vault import Vault
from tests.support.manual_clock import EPOCH

RUN = RunId(new_id())
VALUES = {"KEY": "one", "TOKEN": "two"}


async def put(database: Database, name: str, sealed: str) -> None:
    secret = Secret(name=name, sealed=sealed, description="kept", changed_by="ann", changed_at=EPOCH)
    async with database.ledger.begin() as session:
        await put_secret(session, secret)


def a_channel(sealed: str) -> Channel:
    return Channel(
        id=new_id(),
        name="ops",
        kind=ChannelKind.APPRISE,
        sealed=sealed,
        shown="json://…",
        quiet=None,
        changed_by="ann",
        changed_at=EPOCH,
    )


async def test_all_secrets_are_sealed_with_a_new_key_and_the_old_one_goes_when_it_is_told(
    store: DatabaseSettings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lay_out(tmp_path)
    files = key_files(Home(tmp_path), tmp_path)
    (first,) = keyfile.read(files[0])
    vault = Vault(files[0])
    async with open_database(store) as database:
        for name, value in VALUES.items():
            await put(database, name, vault.seal(value))
        async with database.ledger.begin() as session:
            await put_channel(session, a_channel(vault.seal("json://address")))
            await store_sealed(session, RUN, {"pin": vault.seal("typed"), "lost": "of a key that is gone"})

        assert await rotate(store, files, Console(), drop=False) == 0
        second, kept = keyfile.read(files[1])
        assert await rotate(store, files, Console(), drop=True) == 0
        async with database.reading() as session:
            stored = await secrets(session)
            (channel,) = await channels(session)
            typed = (await sealed_values(session, [RUN]))[RUN]

    assert kept == first != second
    assert [keyfile.read(path) for path in files] == [[second], [second]]
    assert {one.name: Vault(files[1]).open(one.sealed) for one in stored} == VALUES
    assert Vault(files[1]).open(typed["pin"]) == "typed"
    assert Vault(files[1]).open(channel.sealed) == "json://address"
    assert {(one.description, one.changed_by, one.changed_at) for one in stored} == {("kept", "ann", EPOCH)}
    said = capsys.readouterr().out.splitlines()
    assert said == [
        "3 secrets are sealed with the newest of 2 keys.",
        "3 secrets are sealed with the newest of 2 keys.",
        "Older keys let go: 1.",
    ]


async def test_a_secret_that_no_key_opens_is_named_and_keeps_every_key(
    store: DatabaseSettings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lay_out(tmp_path / "other")
    lay_out(tmp_path)
    files = key_files(Home(tmp_path), tmp_path)
    keyfile.write(files[0], [keyfile.new_key(), *keyfile.read(files[0])])
    keys = keyfile.read(files[0])
    async with open_database(store) as database:
        await put(database, "KEY", Vault(files[0]).seal("one"))
        async with database.ledger.begin() as session:
            await put_channel(session, a_channel("of a key that is gone"))
        await put(database, "LOST", Vault(tmp_path / "other" / "ui" / "portal_secrets_key").seal("two"))

    assert await rotate(store, files, Console(), drop=True) == 1

    assert [keyfile.read(path) for path in files] == [keys, keys]
    assert "No key opens LOST, the alert channel ops: store these anew" in capsys.readouterr().out


def test_without_a_key_file_it_says_what_makes_one(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match="`portal up` makes it"):
        key_files(Home(tmp_path), None)
    with pytest.raises(CannotStart, match="`portal secrets` makes it"):
        key_files(Home(tmp_path), tmp_path)
