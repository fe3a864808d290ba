"""What the portal says in other languages than English.

English stands where it is said, in the components and pages, and is the key of `zh-Hant.json`. A browser
that wants Chinese is served the same scripts with the texts exchanged; who reads English pays nothing.
"""

from services.ui.words.catalogue import Catalogue, chinese
from services.ui.words.page import head_mark, language_of, say, speak, spoken_page, tell
from services.ui.words.served import router

__all__ = [
    "Catalogue",
    "chinese",
    "head_mark",
    "language_of",
    "router",
    "say",
    "speak",
    "spoken_page",
    "tell",
]
