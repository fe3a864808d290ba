"""Assets are pressed once, and are what they were."""

import gzip
import hashlib

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.ui.assets import Assets

SCRIPT = b"export const calm = true;\n" * 400
HOME = f"/static/a.js?v={hashlib.sha256(SCRIPT).hexdigest()[:12]}"
FOREVER = {"cache-control": "public, max-age=31536000"}


async def test_an_asset_is_read_and_pressed_once_and_unpacks_to_itself() -> None:
    asked: list[str] = []

    async def answer(request: Request) -> Response:
        asked.append(request.url.path)
        headers = FOREVER if "v=" in str(request.url) else {"cache-control": "no-store"}
        return Response(SCRIPT, media_type="text/javascript", headers=headers)

    app = Assets(Starlette(routes=[Route("/static/{name:path}", answer), Route("/jobs", answer)]))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        first, second = [await client.get(HOME) for _ in range(2)]
        # Whoever makes addresses up without end is answered, and fills no memory.
        made_up = [
            await client.get(f"/static/{path}") for path in ("a.js?v=2", "a.js?v=2", "b/?v=1", "b/?v=1")
        ]
        plain = await client.get(HOME, headers={"accept-encoding": "identity"})
        changing = [await client.get("/static/a.js") for _ in range(2)]
        page = await client.get("/jobs?v=1")

    assert {one.content for one in (first, second, plain, page, *made_up)} == {SCRIPT}
    assert first.headers["content-encoding"] == second.headers["content-encoding"] == "gzip"
    assert int(first.headers["content-length"]) == len(gzip.compress(SCRIPT, 9))
    assert (first.headers["vary"], first.headers["cache-control"]) == (
        "Accept-Encoding",
        FOREVER["cache-control"],
    )
    assert not any("content-encoding" in one.headers for one in (plain, page, *changing, *made_up))
    assert len(asked) == 9  # only the second was answered from memory
