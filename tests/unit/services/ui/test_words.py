"""Everything that the portal says has its Chinese, and says it in the right place."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.types import Receive, Scope, Send

from services.ui.guard import Guard
from services.ui.language import Language
from services.ui.words import chinese, language_of, say, spoken_page
from services.ui.words.places import PLACE
from services.ui.words.served import own_scripts
from services.ui.words.source import texts_of, translated

UI = Path(__file__).parents[4] / "services" / "ui"
PAGES = sorted([*(UI / "pages").glob("*.py"), *(UI / "components").glob("*.py")])
# What draws text on a page, and which of its arguments is one.
DRAWS = {"frame": "title", "head": 0, "link_button": 0, "link": 0, "text": 0, "draw_missing": 1}
BREAKS = re.compile(r"[\"'`\\$<>{}]")


def of_scripts() -> dict[str, str]:
    return {
        text: name
        for name, path in own_scripts().items()
        for text in texts_of(path.read_text(encoding="utf-8"))
    }


def of_pages() -> Iterator[str]:
    for path in PAGES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "say":
                yield ast.literal_eval(node.args[0])


def test_each_text_has_its_chinese_and_each_chinese_its_text() -> None:
    """Write what is missing into services/ui/words/zh-Hant.json, and take out what nobody says any more."""
    said = {*of_scripts(), *of_pages()}
    known = set(chinese().texts)

    assert {"without Chinese": sorted(said - known), "said nowhere": sorted(known - said)} == {
        "without Chinese": [],
        "said nowhere": [],
    }


def test_what_a_file_says_in_its_own_way_is_said_there() -> None:
    said = {(name, text) for name in chinese().only for text in texts_of(own_scripts()[name].read_text())}

    assert {(name, text) for name, texts in chinese().only.items() for text in texts} <= said


def test_places_agree_and_nothing_breaks_the_script_that_it_stands_in() -> None:
    """A place that Chinese does not need is `{~0}`: left out on purpose, not forgotten."""
    catalogue = chinese()
    pairs = [*catalogue.texts.items(), *(pair for own in catalogue.only.values() for pair in own.items())]
    counted = [(english, words) for english, words in pairs if english.startswith("# ")]

    assert [english for english, words in pairs if places(english) != places(words)] == []
    assert [english for english, words in pairs if BREAKS.search(PLACE.sub("", words))] == []
    assert [english for english, words in counted if "#" not in words] == []
    assert [english for english, words in pairs if not words.strip()] == []


def test_places_of_prose_are_in_order_and_agree() -> None:
    """A pattern is matched from left to right, and its places are numbered so."""
    prose = chinese().prose

    assert [
        english for english in prose if [int(n) for _, n in PLACE.findall(english)] != order(english)
    ] == []
    assert [english for english, words in prose.items() if places(english) != places(words)] == []


def places(text: str) -> set[str]:
    return {number for _, number in PLACE.findall(text)}


def order(text: str) -> list[int]:
    return list(range(len(PLACE.findall(text))))


@pytest.mark.parametrize("name", sorted(own_scripts()))
def test_a_script_without_translations_is_the_script(name: str) -> None:
    source = own_scripts()[name].read_text(encoding="utf-8")

    assert translated(source, lambda _: None) == source


def test_pages_draw_no_text_that_is_not_said() -> None:
    unsaid = [
        f"{path.name}:{node.lineno}"
        for path in PAGES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        for drawn in drawn_by(node)
        if isinstance(drawn, ast.JoinedStr)
        or (isinstance(drawn, ast.Constant) and re.search(r"[a-z]", drawn.value))
    ]

    assert unsaid == [], "put it into say(...), with places for what is not words"


def drawn_by(call: ast.Call) -> Iterator[ast.expr]:
    place = DRAWS.get(call.func.id) if isinstance(call.func, ast.Name) else None
    if isinstance(place, int) and len(call.args) > place:
        yield call.args[place]
    if place is not None:
        yield from (one.value for one in call.keywords if one.arg in {"title", "sub"})


def vue(template: str) -> str:
    return f"c = {{ template: `{template}` }}"


@pytest.mark.parametrize(
    ("source", "texts"),
    [
        ('toast("Paused.")', ["Paused."]),
        ("const kind = 'date', on = \"jp-card jp-wide\";", []),
        ("`${n} of ${all} started`", ["{0} of {1} started"]),
        ("'Run ' + job.name + ' now'", ["Run {0} now"]),
        ('plural(n, "job")', ["# job"]),
        ('w = [word("weeks"), "months"]', ["weeks"]),
        ('x = a ? "Show it" : "Hide it"; // "Not this"', ["Show it", "Hide it"]),
        (r'/"Not this"/.test(x) ? "This one" : `/jobs/${id}`', ["This one"]),
        (vue("<p>Ran {{ n }} times</p>"), ["Ran {0} times"]),
        (vue("<b v-if=\"n > 1\" title=\"All runs\">{{ a ? 'Keep it' : b }}</b>"), ["All runs", "Keep it"]),
        (vue("<b>{{ a === 'this' ? 'it' : count(n) + ' more' }}</b>"), ["it", "{0} more"]),
        (vue("<b :aria-label=\"'Edit ' + name\" class=\"Some Class\"></b>"), ["Edit {0}"]),
    ],
)  # fmt: skip
def test_texts_are_found_where_people_read_them(source: str, texts: list[str]) -> None:
    assert texts_of(source)[: len(texts)] == texts
    assert translated(source, {text: text for text in texts}.get).count("{0}") == source.count("{0}")


@pytest.mark.parametrize(
    ("source", "words", "expected"),
    [
        ("'Run ' + job.name + ' now'", "執行 {0}", '"執行 " + (job.name)'),
        ("`${n} of ${all} started`", "{1} 中 {0}", "`${all} 中 ${n}`"),
        ('plural(n, "job")', "# 項工作", 'plural(n, "# 項工作")'),
        (vue("<p> {{ n }} of {{ all }} </p>"), "{1} 中 {~0}", vue("<p> {{ all }} 中  </p>")),
        (vue("<p>They are <a>here</a></p>"), "見。", vue("<p>見。<a>見。</a></p>")),
        (vue("<b :title=\"'Edit ' + name\">"), "編輯 {0}", vue("<b :title=\"'編輯 ' + (name)\">")),
    ],
)  # fmt: skip
def test_values_go_where_the_other_language_wants_them(source: str, words: str, expected: str) -> None:
    assert translated(source, lambda _: words) == expected


@pytest.mark.parametrize(
    ("chosen", "accepted", "spoken"),
    [
        ("auto", "", "en"),
        ("auto", "zh-HK,zh;q=0.9,en;q=0.8", "zh-Hant"),
        ("auto", "zh-TW", "zh-Hant"),
        ("auto", "zh-CN,en;q=0.1", "zh-Hant"),
        ("auto", "fr, en-GB;q=0.8, zh;q=0.9", "zh-Hant"),
        ("auto", "en-US,zh-HK;q=0.9", "en"),
        ("auto", "zh;q=0, de", "en"),
        ("auto", "zh;q=rather", "en"),
        ("en", "zh-HK", "en"),
        ("zh-Hant", "en", "zh-Hant"),
    ],
)
def test_a_browser_is_spoken_to_as_it_asks(chosen: str, accepted: str, spoken: str) -> None:
    assert language_of(Language(chosen), accepted) == spoken


def test_a_page_in_chinese_loads_chinese_scripts_and_says_so() -> None:
    page = (
        b'<html dir="ltr"><head><meta name="jp-language" content="%s">'
        b'<link href="/_nicegui/3.18.0/components/a1/shell.js"><link href="/joined/0a/jp_base.js">'
    )

    assert spoken_page(page % b"en").startswith(b'<html lang="en" dir="ltr">')
    assert re.findall(rb"/(_nicegui|joined|words)/", spoken_page(page % b"zh-Hant")) == [b"words"] * 2
    assert b'lang="zh-Hant-HK"' in spoken_page(page % b"zh-Hant")


@pytest.mark.parametrize(("accepted", "said"), [("zh-HK", "找不到"), ("en", "Not found")])
async def test_what_is_drawn_before_preferences_are_known_speaks_as_asked(accepted: str, said: str) -> None:
    heard = []

    async def page(_scope: Scope, _receive: Receive, _send: Send) -> None:
        heard.append(say("Not found"))

    headers = [(b"host", b"localhost"), (b"accept-language", accepted.encode())]
    await Guard(page)({"type": "http", "method": "GET", "headers": headers}, None, None)

    assert heard == [said]
