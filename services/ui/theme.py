"""Colours, type and spacing of the portal; nothing else sets a colour.

The tokens are rendered into each page's head, in the theme of whoever asked for it, so that the
first paint is right; `static/portal.css` speaks of them by name only. Contrast was computed:
every text reaches 5.7:1 on its ground, every graphic 3.5:1.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Literal

Theme = Literal["auto", "light", "dark"]

STATIC = Path(__file__).parent / "static"
STATIC_URL = "/static"
_SERVED = ("components", "static", "words")


def build_mark() -> str:
    """Return what is the same for all that serve browsers the same, and another one after an upgrade."""
    files = (path for place in _SERVED for path in (Path(__file__).parent / place).iterdir())
    digest = hashlib.sha256()
    for path in sorted(path for path in files if path.suffix in {".js", ".css", ".json"}):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


LIGHT: Mapping[str, str] = MappingProxyType(
    {
        "bg": "#f6f7f9",
        "surface": "#ffffff",
        "surface-2": "#f1f3f6",
        "border": "#dfe3e8",
        "control": "#7f8996",
        "text": "#14181f",
        "muted": "#566070",
        "accent": "#2451c8",
        "on-accent": "#ffffff",
        "accent-tint": "#e9effd",
        "shadow": "0 12px 32px rgb(15 23 42 / 18%)",
        "backdrop": "rgb(15 23 42 / 45%)",
        "track": "#e4e8ee",
    }
)
DARK: Mapping[str, str] = MappingProxyType(
    {
        "bg": "#0d1014",
        "surface": "#15191f",
        "surface-2": "#1c2129",
        "border": "#2a313b",
        "control": "#667180",
        "text": "#e7eaef",
        "muted": "#9ba6b4",
        "accent": "#7ea2ff",
        "on-accent": "#0b1020",
        "accent-tint": "#1a2440",
        "shadow": "0 12px 32px rgb(0 0 0 / 60%)",
        "backdrop": "rgb(4 6 10 / 65%)",
        "track": "#252c36",
    }
)

# state -> (text, tint, solid) in light, then in dark. `held` is drawn like `queued`, with another icon.
STATES: Mapping[str, tuple[str, str, str, str, str, str]] = MappingProxyType(
    {
        "succeeded": ("#0c6b38", "#e2f5ea", "#1b8a4c", "#6bdb9b", "#12301f", "#3fb873"),
        "failed": ("#a8152a", "#fde9eb", "#cf2a3c", "#ff9aa5", "#3d151b", "#f0596b"),
        "timed_out": ("#8a4300", "#fff0df", "#c96a10", "#ffb873", "#3a2410", "#e8923a"),
        "running": ("#1c4bb8", "#e5edff", "#2f6bea", "#9dbcff", "#152647", "#5c8dff"),
        "queued": ("#5440a8", "#efebfc", "#7a66d6", "#c3b6ff", "#251f45", "#9683f0"),
        "skipped": ("#525c69", "#edf0f3", "#7f8996", "#b2bbc7", "#242a32", "#8791a0"),
        "cancelled": ("#665138", "#f4eee5", "#94795a", "#dcc4a4", "#312819", "#b3966f"),
        "missed": ("#6b4a00", "#fff4d6", "#a87400", "#ffd479", "#352a10", "#d9a437"),
        "lost": ("#86196a", "#fbe7f5", "#b93293", "#ff9fe0", "#3a1431", "#dc5bb8"),
    }
)

# The log is dark in both themes, as terminals are: scripts choose their colours for that.
LOG: Mapping[str, str] = MappingProxyType(
    {
        "log-bg": "#0d1014",
        "log-text": "#dfe4ea",
        "log-muted": "#8a95a3",
        "log-line": "#1c2129",
        "log-mark": "#5a4a12",
        "log-mark-now": "#ffd479",
        "log-error-bg": "#26141a",
        "log-error": "#f0596b",
        "log-accent": "#7ea2ff",
        "log-on-accent": "#0b1020",
        "log-picked": "#17264a",
        "log-hit": "#2b2712",
        **{
            f"ansi-{index}": colour
            for index, colour in enumerate(
                [
                    *("#7d8896", "#ff8f9b", "#6bdb9b", "#ffd479", "#8fb4ff", "#e6a3ff", "#6fdcec", "#dfe4ea"),
                    *("#9ba6b4", "#ffb3bb", "#9aeabb", "#ffe3a6", "#b5ceff", "#f0c4ff", "#a3ebf5", "#ffffff"),
                ]
            )
        },
    }
)


def head_html(theme: Theme) -> str:
    """Return what goes into a page's head: tokens, fonts and the style sheet. Holds constants only."""
    return (
        f"<style>{token_css(theme)}</style>"
        f'<link rel="preload" href="{_font("inter")}" as="font" type="font/woff2" crossorigin>'
        f'<link rel="preload" href="{_font("jetbrains-mono")}" as="font" type="font/woff2" crossorigin>'
        f'<link rel="stylesheet" href="{static_url("portal.css")}">'
    )


def token_css(theme: Theme) -> str:
    """Return the tokens as CSS.

    Quasar marks the body `body--light` or `body--dark` once its scripts run; `:root` serves the
    moment before that.
    """
    light, dark = _declarations(LIGHT, offset=0), _declarations(DARK, offset=3)
    always = "".join(f"--jp-{name}:{value};" for name, value in LOG.items())
    first = dark if theme == "dark" else light
    rules = [f":root{{{always}{first}}}"]
    if theme == "auto":
        rules.append(f"@media (prefers-color-scheme:dark){{:root{{{dark}}}}}")
    rules += [f"body.body--light{{{light}}}", f"body.body--dark{{{dark}}}"]
    return "".join(rules)


def static_url(name: str) -> str:
    """Return the URL of a file in `static/`; it changes with the content, so it may be cached for ever."""
    digest = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]
    return f"{STATIC_URL}/{name}?v={digest}"


def _font(name: str) -> str:
    # Without a version: the style sheet names the same URL, and a preload only counts for an equal one.
    return f"{STATIC_URL}/fonts/{name}.woff2"


def _declarations(tokens: Mapping[str, str], *, offset: int) -> str:
    states = {
        f"{state}-{part}": colours[offset + index]
        for state, colours in STATES.items()
        for index, part in enumerate(("text", "tint", "solid"))
    }
    return "".join(f"--jp-{name}:{value};" for name, value in {**tokens, **states}.items())
