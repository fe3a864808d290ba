"""`portal rotate-key`: a new key for secrets, every stored secret sealed anew with it, old keys let go."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from services.cli import keyfile
from services.cli.console import Console
from services.cli.credentials import SECRETS_KEYS
from services.cli.errors import CannotStart
from services.cli.home import Home
from shared.db.alerts import channels, seal_channel_again
from shared.db.engine import Sessions, open_database
from shared.db.parameters import every_sealed_value, seal_value_again
from shared.db.secrets import seal_again, secrets
from shared.domain.errors import PortalError, Unopenable
from shared.runtime.settings import DatabaseSettings
from shared.runtime.vault import Vault


@dataclass(frozen=True, slots=True)
class Rotated:
    """How many secrets the newest key opens now, and which are opened by none."""

    sealed: int
    unopenable: tuple[str, ...]


def key_files(home: Home, folder: Path | None) -> list[Path]:
    """Return the key files of a home, or those of ui and executors that `portal secrets` made in a folder.

    Raises:
        CannotStart: there is none; says what to do.
    """
    found = (
        [home.secrets_keys] if folder is None else [folder / who / SECRETS_KEYS for who in ("ui", "executor")]
    )
    if missing := [path for path in found if not path.exists()]:
        how = "`portal up` makes it" if folder is None else "`portal secrets` makes it"
        raise CannotStart(f"there is no key file {missing[0]}: {how}")
    return found


async def rotate(settings: DatabaseSettings, files: Sequence[Path], console: Console, *, drop: bool) -> int:
    """Put a new key in front of all files and seal every secret with it; return 1 if one cannot be opened.

    With `drop` no key is made: older ones than the newest are let go, if nothing needs them any more.
    Broken off anywhere, it can be started again.
    """
    try:
        keys = keyfile.read(files[0])
        if not drop:
            keys = [keyfile.new_key(), *keys]
        for path in files:  # whoever is to open a secret must know its key before it is sealed with it
            keyfile.write(path, keys)
        async with open_database(settings) as database:
            done = await seal_all(database.ledger, Vault(files[0]))
    except (PortalError, OSError) as error:
        console.say(f"The key was not rotated: {error}")
        return 1
    console.say(f"{_counted(done.sealed)} sealed with the newest of {len(keys)} keys.")
    if done.unopenable:
        names = ", ".join(done.unopenable)
        console.say(f"No key opens {names}: store these anew, or bring back their key.")
        return 1
    if drop:
        for path in files:
            keyfile.write(path, keys[:1])
        console.say(f"Older keys let go: {len(keys) - 1}.")
    return 0


async def seal_all(ledger: Sessions, vault: Vault) -> Rotated:
    """Seal every secret and every address of alerts with the newest key, each in a transaction of its own.

    What people store meanwhile is left alone: it was sealed with that key already.
    """
    unopenable = []
    async with ledger() as session:
        stored = await secrets(session)
        typed = await every_sealed_value(session)
        addresses = await channels(session)
    for secret in stored:
        sealed = _anew(vault, secret.sealed)
        if sealed is None:
            unopenable.append(secret.name)
            continue
        async with ledger.begin() as session:
            await seal_again(session, secret.name, was=secret.sealed, sealed=sealed)
    for channel in addresses:
        sealed = _anew(vault, channel.sealed)
        if sealed is None:
            unopenable.append(f"the alert channel {channel.name}")
            continue
        async with ledger.begin() as session:
            await seal_channel_again(session, channel.id, was=channel.sealed, sealed=sealed)
    for run_id, name, text in typed:
        sealed = _anew(vault, text)
        if sealed is not None:  # whoever repeats such a run is told to type the value again
            async with ledger.begin() as session:
                await seal_value_again(session, run_id, name, sealed=sealed)
    return Rotated(len(stored) + len(addresses) - len(unopenable), tuple(unopenable))


def _anew(vault: Vault, sealed: str) -> str | None:
    try:
        return vault.seal(vault.open(sealed))
    except Unopenable:
        return None


def _counted(number: int) -> str:
    return "1 secret is" if number == 1 else f"{number} secrets are"
