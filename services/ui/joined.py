"""What every page needs, as two files instead of ten: a page that is opened cold waits for each of them.

There is no build step. The modules stay files of their own and are strung together when they are first
served; the import map says of each name that it is in the whole. NiceGUI's styles become one in its pages.
"""

import hashlib
import re
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Final

import nicegui
from fastapi import APIRouter
from nicegui.dependencies import register_importmap_override
from starlette.responses import Response

from services.ui.theme import STATIC
from shared.domain.errors import NotFound

BASE: Final = "jp_base.js"
MEMBERS: Final = ("jp_words", "jp_format", "jp_core", "jp_prefs", "jp_controls", "jp_markup")
"""The modules of the base, each after what it imports; no two give one name to something at their top."""

FOREVER: Final = "public, max-age=31536000, immutable"
_STYLES: Final = "nicegui.css"
_LAYERS: Final = (
    ("quasar.unimportant.prod", "quasar"),
    ("quasar.important.prod", "quasar_importants"),
    ("nicegui", "nicegui"),
)
# Of the fonts that NiceGUI brings none is shown.
_ASKED: Final = "|".join(re.escape(name) for name, _ in (*_LAYERS, ("fonts", "base")))
_STYLE: Final = re.compile(rf'@import url\("[^"]*/static/(?:{_ASKED})\.css"\) layer\(\w+\);\s*'.encode())
_IMPORT: Final = re.compile(r'^import \{ ([\w, ]+) \} from "(\w+)";\n', re.MULTILINE)


def router() -> APIRouter:
    """Return the route of what is joined; its addresses change with their content."""
    routes = APIRouter(prefix="/joined")

    @routes.get("/{digest}/{name}", include_in_schema=False)
    async def joined(digest: str, name: str) -> Response:
        if name not in _TYPES:
            raise NotFound(f"There is no {name[:60]} that was joined.")
        text, its = _text_of(name)
        return answer(text, digest == its, _TYPES[name])

    return routes


def answer(text: str, is_current: bool, media_type: str = "text/javascript") -> Response:
    """Return an asset; a tab from before an upgrade gets what is now, for no longer than it must."""
    return Response(
        text, media_type=media_type, headers={"cache-control": FOREVER if is_current else "no-store"}
    )


def register() -> None:
    """Tell every page's import map that the members are in the base, and what stands for DOMPurify."""
    for name in (*MEMBERS, "dompurify"):
        register_importmap_override(name, url_of(BASE))


def preload_html() -> str:
    """Return what lets the base be fetched before somebody imports it."""
    return f'<link rel="modulepreload" href="{url_of(BASE)}">'


def lean_page(page: bytes) -> bytes:
    """Return a page that asks for NiceGUI's styles in one."""
    page = _STYLE.sub(f'@import url("{url_of(_STYLES)}");'.encode(), page, count=1)
    return _STYLE.sub(b"", page)


def url_of(name: str) -> str:
    """Return the address of what is joined under this name."""
    return f"/joined/{_text_of(name)[1]}/{name}"


def base_of(read: Callable[[str], str]) -> str:
    """Return the base, one scope, of members that are read so."""
    return _strung(read(f"{name}.js") for name in MEMBERS)


def digest_of(text: str) -> str:
    """Return what names a version of a text in its address."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _strung(texts: Iterable[str]) -> str:
    wanted: dict[str, set[str]] = {}
    bodies = []
    for text in texts:
        for names, module in _IMPORT.findall(text):
            wanted.setdefault(module, set()).update(names.split(", "))
        bodies.append(_IMPORT.sub("", text))
    heads = [
        f'import {{ {", ".join(sorted(names))} }} from "{module}";\n'
        for module, names in wanted.items()
        if module not in MEMBERS
    ]
    return "".join((*heads, *bodies))


@cache
def _text_of(name: str) -> tuple[str, str]:
    text = _styles() if name == _STYLES else base_of(lambda one: (STATIC / one).read_text(encoding="utf-8"))
    return text, digest_of(text)


def _styles() -> str:
    folder = Path(nicegui.__file__).parent / "static"
    texts = ((layer, (folder / f"{name}.css").read_text(encoding="utf-8")) for name, layer in _LAYERS)
    return "".join(f"@layer {layer}{{{text}}}\n" for layer, text in texts)


_TYPES: Final = {BASE: "text/javascript", _STYLES: "text/css"}
