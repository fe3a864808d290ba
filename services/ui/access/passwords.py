"""Passwords: hashed and compared by Argon2id, beside the loop and only a few at once."""

import asyncio
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from shared.domain.access import normal_password
from shared.runtime.credentials import new_secret

_AT_ONCE = 2
"""Each comparison takes 64 MiB and a core for some 50 ms: a flood of sign-ins is to wait, not to fill."""


class Passwords:
    """What hashes and compares, with the parameters of RFC 9106 for little memory (argon2-cffi's own)."""

    def __init__(self) -> None:
        self._room = asyncio.Semaphore(_AT_ONCE)

    async def hashed(self, password: str) -> str:
        """Return the hash to store, in PHC format."""
        async with self._room:
            return await asyncio.to_thread(_HASHER.hash, normal_password(password))

    async def is_right(self, hash_: str | None, password: str) -> bool:
        """Compare; takes as long for None, of which no password is the right one."""
        async with self._room:
            decoy = await asyncio.to_thread(_decoy)
            right = await asyncio.to_thread(_verified, hash_ or decoy, normal_password(password))
        return right and hash_ is not None

    def is_outdated(self, hash_: str) -> bool:
        """Say whether it was made with other parameters than a new one would be."""
        return _HASHER.check_needs_rehash(hash_)


_HASHER = PasswordHasher()


def _verified(hash_: str, password: str) -> bool:
    try:
        return _HASHER.verify(hash_, password)
    except (VerificationError, InvalidHashError):
        return False


@cache
def _decoy() -> str:
    return _HASHER.hash(new_secret())
