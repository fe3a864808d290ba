"""Headers that say when something is to be done: once only, or only to what was seen.

`Idempotency-Key` is that of draft-ietf-httpapi-idempotency-key-header, `If-Match` that of RFC 9110, 13.1.1.
"""

import hashlib
import re
from typing import Annotated

from fastapi import Depends, Header, Request

from services.ui.access import current
from shared.db.once import Once
from shared.domain.errors import InvalidInput


async def _once(
    request: Request,
    key: Annotated[
        str | None,
        Header(
            alias="Idempotency-Key",
            min_length=1,
            max_length=200,
            description="Chosen by who asks, another one for each request. Sent again within a week, "
            "the same request is answered as the first time and does nothing",
        ),
    ] = None,
) -> Once | None:
    if key is None:
        return None
    place = (current().name, request.method, request.url.path, key)
    return Once(
        key=hashlib.sha256("\n".join(map(repr, place)).encode("utf-8", "surrogatepass")).hexdigest(),
        asked=hashlib.sha256(await request.body()).hexdigest(),
    )


Key = Annotated[Once | None, Depends(_once)]
IfMatch = Annotated[str | None, Header(max_length=100, description="The `ETag` of what was changed")]


def version_in(if_match: str | None, in_body: int | None) -> int:
    """Return the version on which somebody made their changes, as the header or else the body says it.

    Raises:
        InvalidInput: neither does.
    """
    if if_match is None:
        if in_body is None:
            raise InvalidInput("version", "Say on which version you made the changes: read it, then send it.")
        return in_body
    found = re.fullmatch(r'"([0-9]{1,9})"', if_match)
    if found is None:
        raise InvalidInput("If-Match", "This is no ETag of ours. Send the one that came with it, quotes too.")
    return int(found.group(1))
