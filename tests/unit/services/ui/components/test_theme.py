"""The promises of the visual language: contrast, one place for colours, no clash with Quasar's classes."""

import re
from itertools import product
from pathlib import Path

import pytest

from services.ui.theme import DARK, LIGHT, LOG, STATES, STATIC, token_css

UI = STATIC.parent
SHEET = (STATIC / "portal.css").read_text()
SCRIPTS = sorted([*UI.glob("components/*.js"), *STATIC.glob("*.js")])


def contrast(one: str, other: str) -> float:
    """The ratio of WCAG 2.2."""
    brighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return sum(weight * value for weight, value in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("tokens", [LIGHT, DARK], ids=["light", "dark"])
def test_text_is_legible_on_every_ground(tokens: dict[str, str]) -> None:
    pairs = list(product(("text", "muted"), ("bg", "surface", "surface-2")))
    pairs += [("on-accent", "accent"), ("accent", "surface"), ("accent", "accent-tint")]

    assert {pair: contrast(tokens[pair[0]], tokens[pair[1]]) for pair in pairs if
            contrast(tokens[pair[0]], tokens[pair[1]]) < 4.5} == {}  # fmt: skip


@pytest.mark.parametrize("tokens", [LIGHT, DARK], ids=["light", "dark"])
def test_controls_can_be_seen(tokens: dict[str, str]) -> None:
    assert contrast(tokens["control"], tokens["surface"]) >= 3


@pytest.mark.parametrize("state", STATES)
def test_a_state_can_be_read_and_its_bars_be_seen(state: str) -> None:
    light_text, light_tint, light_solid, dark_text, dark_tint, dark_solid = STATES[state]

    assert contrast(light_text, light_tint) >= 5.7
    assert contrast(dark_text, dark_tint) >= 5.7
    assert contrast(light_solid, LIGHT["surface"]) >= 3.5
    assert contrast(dark_solid, DARK["surface"]) >= 3.5


@pytest.mark.parametrize("name", [name for name in LOG if name.startswith("ansi-")])
def test_what_scripts_colour_is_legible_on_the_log(name: str) -> None:
    assert contrast(LOG[name], LOG["log-bg"]) >= 4.5


def test_every_token_that_the_sheet_names_exists() -> None:
    own = set(re.findall(r"(--jp-[\w-]+)\s*:", SHEET))
    known = own | set(re.findall(r"(--jp-[\w-]+):", token_css("auto")))

    assert set(re.findall(r"var\((--jp-[\w-]+)", SHEET)) - known == set()


def test_only_the_theme_sets_colours() -> None:
    assert re.findall(r"#[0-9a-fA-F]{3,8}\b|rgba?\(|hsla?\(", re.sub(r"/\*.*?\*/", "", SHEET)) == []


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_every_class_has_our_prefix(script: Path) -> None:
    named = re.findall(r'(?<!:)\bclass="([^"]*)"', script.read_text())

    assert [name for names in named for name in names.split() if not name.startswith("jp-")] == []


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_no_component_reads_text_as_markup(script: Path) -> None:
    assert (
        re.findall(r"v-html|innerHTML|outerHTML|insertAdjacentHTML|document\.write", script.read_text()) == []
    )


@pytest.mark.parametrize(("theme", "first"), [("light", LIGHT), ("dark", DARK), ("auto", LIGHT)])
def test_the_first_paint_has_the_chosen_theme(theme: str, first: dict[str, str]) -> None:
    root = token_css(theme).partition("}")[0]  # type: ignore[arg-type]

    assert f"--jp-bg:{first['bg']};" in root
    assert ("prefers-color-scheme" in token_css(theme)) == (theme == "auto")  # type: ignore[arg-type]
