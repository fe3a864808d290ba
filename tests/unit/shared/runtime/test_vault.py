"""Sealing and opening: which key does what, and that nothing but `open` gives a value back."""

import base64
import os
from pathlib import Path

import pytest

from services.cli import keyfile
from shared.domain.errors import NoSecretsKey, Unopenable
from shared.runtime.vault import SecretsSettings, Vault

VALUE = "sesam öffne dich\n"


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    path = tmp_path / "secrets" / "secrets.key"
    keyfile.write(path, [keyfile.new_key()])
    return path


def test_what_was_sealed_is_opened_and_shows_nothing_of_itself(keys: Path) -> None:
    vault = Vault(keys)

    sealed = vault.seal(VALUE)

    assert vault.open(sealed) == VALUE
    assert vault.seal(VALUE) != sealed
    assert VALUE.encode()[:5] not in base64.urlsafe_b64decode(sealed)


def test_the_newest_key_seals_and_older_ones_still_open(keys: Path) -> None:
    old = Vault(keys).seal(VALUE)
    keyfile.write(keys, [keyfile.new_key(), *keyfile.read(keys)])
    new = Vault(keys).seal(VALUE)

    keyfile.write(keys, keyfile.read(keys)[:1])

    assert Vault(keys).open(new) == VALUE
    with pytest.raises(Unopenable, match="none of the 1 keys"):
        Vault(keys).open(old)


def test_a_key_that_is_added_while_a_process_runs_is_known_to_it(keys: Path) -> None:
    before = Vault(keys)
    keyfile.write(keys, [keyfile.new_key(), *keyfile.read(keys)])
    sealed = Vault(keys).seal(VALUE)

    assert before.open(sealed) == VALUE
    keyfile.write(keys, keyfile.read(keys)[:1])
    assert Vault(keys).open(before.seal(VALUE)) == VALUE


def test_a_process_that_may_read_the_file_no_more_keeps_what_it_read(keys: Path) -> None:
    vault = Vault(keys)
    sealed = vault.seal(VALUE)
    keys.unlink()
    keys.mkdir()  # even root cannot read this as a file

    assert vault.open(sealed) == VALUE
    with pytest.raises(Unopenable):
        vault.open(sealed[:-4])
    assert vault.open(sealed) == VALUE


@pytest.mark.parametrize("change", [lambda text: text[:-4], lambda text: f"A{text}", lambda _: ""])
def test_a_text_that_was_changed_is_not_opened(keys: Path, change) -> None:  # type: ignore[no-untyped-def]
    vault = Vault(keys)

    with pytest.raises(Unopenable):
        vault.open(change(vault.seal(VALUE)))


def test_without_a_key_nothing_is_sealed_and_the_words_say_what_makes_one(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "none.key")

    with pytest.raises(NoSecretsKey, match="portal up"):
        vault.seal(VALUE)
    with pytest.raises(Unopenable, match="none of the 0 keys"):
        vault.open("gAAAA")


@pytest.mark.parametrize("text", ["short", "=" * 44, "é" * 44])
def test_a_file_that_holds_something_else_ends_the_start_without_quoting_it(
    tmp_path: Path, text: str
) -> None:
    (tmp_path / "wrong.key").write_text(text)

    with pytest.raises(SystemExit) as ended:
        _ = SecretsSettings(home=tmp_path, secrets_key_file=tmp_path / "wrong.key").vault

    assert "one a line" in str(ended.value)
    assert text not in str(ended.value)


def test_a_key_file_is_readable_by_its_owner_alone_and_stays_as_it_was_given_away(keys: Path) -> None:
    assert keys.stat().st_mode & 0o777 == 0o600
    keys.chmod(0o400)
    if os.geteuid() == 0:
        os.chown(keys, 2001, 2002)
    before = keys.stat()

    keyfile.write(keys, [keyfile.new_key()])

    after = keys.stat()
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)
