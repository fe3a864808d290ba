"""The secrets as one element."""

from nicegui.element import Element


class SecretsView(Element, component="secrets_view.js"):
    """Names, descriptions and users, with dialogs to store, change and delete; no value comes here."""
