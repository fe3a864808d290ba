"""Seals secrets and opens them again: with the keys of one file, one key a line, the newest first.

A sealed text is a Fernet token (github.com/fernet/spec): encrypted and authenticated. The newest key seals,
every key opens. The file is read again before each sealing, and when a text cannot be opened: a key that
was added meanwhile is known without a restart, where this process may still read the file.
"""

from functools import cached_property
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from shared.domain.errors import NoSecretsKey, Unopenable
from shared.runtime.settings import HomeSettings


class Vault:
    """The keys of one file. Neither it nor its errors show a key or a value."""

    def __init__(self, path: Path) -> None:
        """Read the keys; a file that is not there has none.

        Raises:
            NoSecretsKey: the file cannot be read, or holds something else.
        """
        self._path = path
        self._keys = _read(path)

    def seal(self, clear: str) -> str:
        """Return the text sealed with the newest key: four thirds of its bytes and 100 more.

        Raises:
            NoSecretsKey: there is none.
        """
        self._keys = _read(self._path)
        if not self._keys:
            raise NoSecretsKey(
                f"there is no key for secrets in {self._path}: `portal up` and `portal secrets` make one"
            )
        return MultiFernet(self._keys).encrypt(clear.encode()).decode("ascii")

    def open(self, sealed: str) -> str:
        """Return what was sealed.

        Raises:
            Unopenable: with no key that this process can read, or it was changed.
        """
        try:
            return self._opened(sealed)
        except Unopenable:
            if not self._have_changed():
                raise
        return self._opened(sealed)

    def _opened(self, sealed: str) -> str:
        if self._keys:
            try:
                return MultiFernet(self._keys).decrypt(sealed).decode()
            except InvalidToken:
                pass  # said below, without what is only a byte string's trace
        raise Unopenable(f"none of the {len(self._keys)} keys that were read from {self._path} opens it")

    def _have_changed(self) -> bool:
        try:
            self._keys = _read(self._path)
        except NoSecretsKey:
            return False  # it is no longer ours to read: what was read at the start stays
        return True


class SecretsSettings(HomeSettings):
    """Where the keys of secrets are."""

    secrets_key_file: Path | None = None

    @cached_property
    def vault(self) -> Vault:
        """Return the keys as they were when this was first asked for.

        Raises:
            SystemExit: the file cannot be read, or is none; says what to do.
        """
        try:
            return Vault(self.secrets_key_file or self.home.absolute() / "secrets" / "secrets.key")
        except NoSecretsKey as error:
            raise SystemExit(str(error)) from error


def _read(path: Path) -> list[Fernet]:
    try:
        lines = path.read_text("ascii").split()
        return [Fernet(line) for line in lines]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise NoSecretsKey(
            f"cannot read the keys of secrets in {path}: {error.strerror}. Set PORTAL_SECRETS_KEY_FILE."
        ) from error
    except ValueError:
        # Without the cause: it may quote what the file holds.
        raise NoSecretsKey(
            f"{path} holds something else than keys of secrets: one a line, 44 characters each"
        ) from None
