"""One page in the language of whoever asked for it, from its first byte on."""

import re
from contextvars import ContextVar
from functools import cache
from typing import Final

from services.ui.language import Language
from services.ui.words.catalogue import chinese
from services.ui.words.served import is_own, url_of
from services.ui.words.source import pieces_of

_SPOKEN: ContextVar[Language] = ContextVar("spoken", default=Language.ENGLISH)
_TAGS: Final = {Language.ENGLISH: "en", Language.CHINESE: "zh-Hant-HK"}
_MARK: Final = '<meta name="jp-language" content="{}">'
_HTML: Final = re.compile(rb"<html[^>]*>")
_SCRIPT: Final = re.compile(rb"/(?:_nicegui/[\w.]+/(?:components|libraries)|joined)/[^\"'\s]*?/([\w-]+\.js)")


def language_of(chosen: Language, accepted: str) -> Language:
    """Return what to speak: what was chosen, else the first language of Accept-Language that is spoken here.

    Whoever reads any Chinese gets Chinese: Simplified readers are nearer to it than to English.
    """
    if chosen is not Language.AUTO:
        return chosen
    ranked = sorted(map(_ranked, accepted.split(",")), key=lambda pair: -pair[1])
    for tag, quality in ranked:
        if quality > 0 and tag in {"zh", "yue"}:
            return Language.CHINESE
        if quality > 0 and tag == "en":
            return Language.ENGLISH
    return Language.ENGLISH


def speak(language: Language) -> None:
    """Draw the page of this request in `language`."""
    _SPOKEN.set(language)


def say(english: str) -> str:
    """Return a text of a page in the language that it is drawn in."""
    if _SPOKEN.get() is Language.ENGLISH:
        return english
    return chinese().texts.get(english, english)


def tell(sentence: str) -> str:
    """Return a sentence that the server made in the language of the page, where it has no script to do it."""
    if _SPOKEN.get() is Language.ENGLISH:
        return sentence
    for english, words in chinese().prose.items():
        found = _pattern(english).fullmatch(sentence)
        if found:
            pieces = (one if isinstance(one, str) else found[one + 1] for one in pieces_of(words))
            return "".join(pieces)
    return sentence


@cache
def _pattern(english: str) -> re.Pattern[str]:
    pieces = (re.escape(piece) if isinstance(piece, str) else "(.+?)" for piece in pieces_of(english))
    return re.compile("".join(pieces))


def head_mark() -> str:
    """Return what marks the page's language in its head, for `spoken_page`."""
    return _MARK.format(_SPOKEN.get().value)


def spoken_page(page: bytes) -> bytes:
    """Return a drawn page with its language said, and with the scripts that speak it."""
    is_chinese = _MARK.format(Language.CHINESE.value).encode() in page
    language = Language.CHINESE if is_chinese else Language.ENGLISH
    page = _HTML.sub(f'<html lang="{_TAGS[language]}" dir="ltr">'.encode(), page, count=1)
    return _SCRIPT.sub(_translated_url, page) if is_chinese else page


def _translated_url(found: re.Match[bytes]) -> bytes:
    name = found[1].decode()
    return url_of(name).encode() if is_own(name) else found[0]


def _ranked(item: str) -> tuple[str, float]:
    tag, _, rest = item.strip().partition(";")
    quality = re.fullmatch(r"\s*q=([01](?:\.\d{0,3})?)\s*", rest)
    return tag.split("-")[0].lower(), float(quality[1]) if quality else 0.0 if rest else 1.0
