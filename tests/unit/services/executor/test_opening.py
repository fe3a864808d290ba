"""What an executor makes of the sealed secrets of a grant."""

from pathlib import Path

import pytest

from services.cli import keyfile
from services.executor.opening import opened
from shared.messages.answers import SealedSecret
from shared.runtime.vault import Vault
from tests.unit.services.executor.grants import a_grant


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    keyfile.write(tmp_path / "secrets.key", [keyfile.new_key()])
    return Vault(tmp_path / "secrets.key")


def test_each_secret_is_given_in_the_way_that_the_job_names(vault: Vault) -> None:
    token = SealedSecret(name="TOKEN", sealed=vault.seal("one"))
    key = SealedSecret(name="KEY", sealed=vault.seal("two"), as_file=True)

    pin = SealedSecret(name="pin", sealed=vault.seal("three"))

    given = opened(a_grant(secrets=(token, key), parameter_secrets=(pin,)), vault)

    assert given.env == {"TOKEN": "one", "PORTAL_PARAM_PIN": "three"}
    assert (given.files, given.problem) == ({"KEY_FILE": "two"}, "")
    assert given.values == ("one", "three", "two")


def test_a_typed_value_that_cannot_be_opened_is_a_problem(vault: Vault) -> None:
    pin = SealedSecret(name="pin", sealed="gAAAA")

    given = opened(a_grant(parameter_secrets=(pin,)), vault)

    assert "The parameter pin cannot be opened" in given.problem
    assert "type the value again" in given.problem


@pytest.mark.parametrize(
    ("sealed", "words"),
    [("", "There is no secret TOKEN any more. Store it"), ("gAAAA", "Give this executor the same key file")],
)
def test_one_that_cannot_be_had_is_a_problem_and_nothing_is_given(
    vault: Vault, sealed: str, words: str
) -> None:
    known = SealedSecret(name="KNOWN", sealed=vault.seal("one"))

    given = opened(a_grant(secrets=(known, SealedSecret(name="TOKEN", sealed=sealed))), vault)

    assert words in given.problem
    assert given.values == ()
