"""What a secret may be called and hold, and which of them a job may be given together."""

import pytest

from shared.domain.errors import InvalidInput
from shared.domain.secret import (
    MAX_PER_JOB,
    MAX_VALUE_BYTES,
    SecretUse,
    checked_secret_name,
    checked_secret_value,
    checked_uses,
)


@pytest.mark.parametrize("name", ["A", "_", "DB_PASSWORD", "X9", "A" * 64])
def test_a_name_is_what_a_shell_can_read(name: str) -> None:
    assert checked_secret_name(name) == name


@pytest.mark.parametrize(
    "name", ["", "a", "9A", "A-B", "A B", "A" * 65, "Ä", "A\n", "PATH", "HOME", "PORTAL_RUN_ID"]
)
def test_another_name_is_refused_at_its_field(name: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        checked_secret_name(name)

    assert refused.value.field == "name"


@pytest.mark.parametrize("value", ["x", "two\nlines\n", " ", "é" * (MAX_VALUE_BYTES // 2)])
def test_a_value_is_kept_as_it_was_typed(value: str) -> None:
    assert checked_secret_value(value) == value


@pytest.mark.parametrize("value", ["", "se\x00cret", "secret\ud800", "secret" * MAX_VALUE_BYTES])
def test_a_value_that_no_program_can_have_is_refused_without_a_word_of_it(value: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        checked_secret_value(value)

    assert refused.value.field == "value"
    assert "secret" not in str(refused.value)


def test_the_secrets_of_a_job_are_in_the_order_of_their_names() -> None:
    uses = checked_uses([SecretUse(name="B"), SecretUse(name="A", as_file=True)])

    assert [use.variable for use in uses] == ["A_FILE", "B"]


@pytest.mark.parametrize(
    "uses",
    [
        [SecretUse(name="A"), SecretUse(name="A", as_file=True)],
        [SecretUse(name="A"), SecretUse(name="A")],
        [SecretUse(name="A", as_file=True), SecretUse(name="A_FILE")],
        [SecretUse(name="not one")],
        [SecretUse(name=f"A{number}") for number in range(MAX_PER_JOB + 1)],
    ],
)
def test_secrets_that_cannot_be_given_together_are_refused(uses: list[SecretUse]) -> None:
    with pytest.raises(InvalidInput) as refused:
        checked_uses(uses)

    assert refused.value.field == "secrets"
