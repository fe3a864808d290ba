"""Opens what a run is given sealed: the only place where an executor holds a secret in the clear."""

from services.executor.sandbox.command import Given
from shared.domain.errors import Unopenable
from shared.domain.parameters import variable_of
from shared.domain.secret import SecretUse
from shared.messages.answers import Grant, SealedSecret
from shared.runtime.vault import Vault


class _Withheld(Exception):  # noqa: N818 - says what became of it
    """Something cannot be given; the words say what to do."""


def opened(grant: Grant, vault: Vault) -> Given:
    """Return what the run is given, or as its `problem` why a secret of it cannot be had."""
    env: dict[str, str] = {}
    files: dict[str, str] = {}
    try:
        for one in grant.secrets:
            use = SecretUse(name=one.name, as_file=one.as_file)
            (files if one.as_file else env)[use.variable] = _stored(one, vault)
        for one in grant.parameter_secrets:
            env[variable_of(one.name)] = _typed(one, vault)
    except _Withheld as withheld:
        return Given(problem=str(withheld))
    return Given(env=env, files=files)


def _stored(one: SealedSecret, vault: Vault) -> str:
    if not one.sealed:
        raise _Withheld(
            f"There is no secret {one.name} any more. Store it under Secrets in the portal, "
            "or edit the job so that it does not use it."
        )
    try:
        return vault.open(one.sealed)
    except Unopenable as error:
        raise _Withheld(
            f"The secret {one.name} cannot be opened: {error}. {_SHARE_KEYS}, and run the job again; "
            "if that key is lost, store the secret anew under Secrets."
        ) from error


def _typed(one: SealedSecret, vault: Vault) -> str:
    try:
        return vault.open(one.sealed)
    except Unopenable as error:
        raise _Withheld(
            f"The parameter {one.name} cannot be opened: {error}. {_SHARE_KEYS}; "
            "if that key is lost, run the job anew and type the value again."
        ) from error


_SHARE_KEYS = "Give this executor the same key file as the portal's and restart it"
