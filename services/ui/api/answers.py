"""Values as JSON answers, and the name of what is saved."""

import re
from typing import Any
from urllib.parse import quote

import msgspec
from starlette.responses import Response

_ENCODER = msgspec.json.Encoder()
_UNSAFE = re.compile(r"[^A-Za-z0-9._ ()+-]")
"""In a quoted name: quotes and backslashes, but also % and non-ASCII, which browsers read each their way."""


def answer(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return the value as JSON that no cache keeps."""
    return Response(
        _ENCODER.encode(value),
        status_code=status,
        media_type="application/json",
        headers={"cache-control": "no-store", **(headers or {})},
    )


def attachment(name: str) -> str:
    """Return the `Content-Disposition` of a file to be saved under this name (RFC 6266, RFC 8187)."""
    return f"attachment; filename=\"{_UNSAFE.sub('_', name)}\"; filename*=UTF-8''{quote(name, safe='')}"
