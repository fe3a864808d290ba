"""What is joined is what its parts are, under an address that changes with it."""

import re

import httpx
import pytest
from fastapi import FastAPI

from services.ui.joined import BASE, MEMBERS, lean_page, router, url_of
from services.ui.theme import STATIC

_TOP = re.compile(r"^(?:export )?(?:async )?(?:const|let|function|class) (\w+|[{\[].*?[}\]])", re.MULTILINE)


def texts() -> dict[str, str]:
    return {name: (STATIC / f"{name}.js").read_text(encoding="utf-8") for name in MEMBERS}


def test_the_parts_of_the_base_share_a_scope_without_meeting() -> None:
    declared = [
        name
        for text in texts().values()
        for found in _TOP.findall(text)
        for name in re.findall(r"\w+", found)
    ]

    assert len(declared) > len(MEMBERS)
    assert sorted({name for name in declared if declared.count(name) > 1}) == []


@pytest.mark.parametrize("name", MEMBERS)
def test_a_part_of_the_base_imports_only_what_stands_before_it(name: str) -> None:
    imports = re.findall(r"^import.*$", texts()[name], re.MULTILINE)
    known = re.compile(
        f'import {{ [\\w, ]+ }} from "({"|".join(("vue", *MEMBERS[: MEMBERS.index(name)]))})";'
    )

    assert [line for line in imports if not known.fullmatch(line)] == []


async def test_the_base_says_all_that_its_parts_say_and_is_kept_under_its_own_address_only() -> None:
    app = FastAPI()
    app.include_router(router())
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        now, old = [await client.get(path) for path in (url_of(BASE), f"/joined/0123456789ab/{BASE}")]

    exports = {line for text in texts().values() for line in text.splitlines() if line.startswith("export ")}
    assert exports <= set(now.text.splitlines())
    assert len(re.findall("^import ", now.text, re.MULTILINE)) == 1
    assert now.text == old.text
    assert ("immutable" in now.headers["cache-control"], old.headers["cache-control"]) == (True, "no-store")


def test_a_page_asks_for_the_styles_of_nicegui_once() -> None:
    asked = b'@layer a; @import url("/_nicegui/3/static/%s.css") layer(base);\n'
    page = b"".join(asked % name for name in (b"fonts", b"quasar.important.prod", b"nicegui", b"another"))

    assert lean_page(page).count(b"@import") == 2
    assert b'static/another.css") layer(base);' in lean_page(page)
    assert url_of("nicegui.css").encode() in lean_page(page)
