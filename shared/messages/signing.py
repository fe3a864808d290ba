"""Grants are signed: access to the broker alone must not be enough to run code."""

import hmac

import msgspec

from shared.domain.errors import ForgedGrant
from shared.messages.answers import Grant, SignedGrant


def sign(grant: Grant, key: bytes) -> SignedGrant:
    """Return the grant as bytes with their HMAC-SHA256 (RFC 2104)."""
    body = msgspec.json.encode(grant)
    return SignedGrant(grant=msgspec.Raw(body), signature=_digest(body, key))


def verified(signed: SignedGrant, key: bytes) -> Grant:
    """Return the grant that was signed.

    Raises:
        ForgedGrant: when the signature does not match, or the signed bytes are no grant.
    """
    body = bytes(signed.grant)
    if not hmac.compare_digest(_digest(body, key), signed.signature):
        raise ForgedGrant(
            "a grant's signature does not match: scheduler and executor must share one grant key file"
        )
    try:
        return msgspec.json.decode(body, type=Grant)
    except msgspec.DecodeError as error:
        raise ForgedGrant(f"the signed bytes are no grant: {error}") from error


def _digest(body: bytes, key: bytes) -> str:
    return hmac.digest(key, body, "sha256").hex()
