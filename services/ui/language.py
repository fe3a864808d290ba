"""The languages that the portal speaks."""

from enum import StrEnum


class Language(StrEnum):
    """What the portal speaks; `auto` is what the browser asks for."""

    AUTO = "auto"
    ENGLISH = "en"
    CHINESE = "zh-Hant"
    """Traditional Chinese, as Hong Kong writes it."""
