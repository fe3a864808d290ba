"""Secrets that programs make and keep by their hash alone."""

import hashlib
import secrets

_BYTES = 32
"""256 bits: nobody guesses them, so that a plain hash is as good as a slow one."""


def new_secret(prefix: str = "") -> str:
    """Return a new random secret of letters, digits, - and _."""
    return prefix + secrets.token_urlsafe(_BYTES)


def hashed(secret: str) -> str:
    """Return what is stored of a secret: its SHA-256 in hexadecimal digits."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
