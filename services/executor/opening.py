"""Opens what a run is given sealed: the only place where an executor holds a secret in the clear."""

from services.executor.sandbox.command import Given
from shared.domain.errors import Unopenable
from shared.domain.secret import SecretUse
from shared.messages.answers import Grant
from shared.runtime.vault import Vault


def opened(grant: Grant, vault: Vault) -> Given:
    """Return what the run is given, or as its `problem` why a secret of it cannot be had."""
    env: dict[str, str] = {}
    files: dict[str, str] = {}
    for one in grant.secrets:
        if not one.sealed:
            return Given(problem=f"There is no secret {one.name} any more. {_STORE_IT}")
        try:
            clear = vault.open(one.sealed)
        except Unopenable as error:
            return Given(problem=f"The secret {one.name} cannot be opened: {error}. {_SHARE_KEYS}")
        use = SecretUse(name=one.name, as_file=one.as_file)
        (files if one.as_file else env)[use.variable] = clear
    return Given(env=env, files=files)


_STORE_IT = "Store it under Secrets in the portal, or edit the job so that it does not use it."
_SHARE_KEYS = (
    "Give this executor the same key file as the portal's, restart it, and run the job again; "
    "if that key is lost, store the secret anew under Secrets."
)
