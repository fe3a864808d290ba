"""Every page, in both themes and both layouts, has nothing that axe (deque.com/axe) objects to."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.e2e.browser.screenshots import opened, pages_of
from tests.support.stack import Stack

AXE = Path(__file__).parent / "axe" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


# Both themes and both layouts, not all four pairs: colours do not depend on the width.
@pytest.mark.parametrize(("theme", "size"), [("light", "1440"), ("dark", "390")])
def test_axe_objects_to_nothing(browser: Browser, stack: Stack, theme: str, size: str) -> None:
    job = stack.create(f"for axe, {theme} {size}", "fails.py")
    stack.ended(stack.run_now(job))

    objections = {}
    for name, path in pages_of(stack.url).items():
        with opened(browser, stack.url + path, theme=theme, size=size) as page:
            page.evaluate(AXE.read_text())
            found = page.evaluate("(rules) => axe.run(document, { runOnly: rules })", RULES)
        for violation in found["violations"]:
            objections[name, violation["id"]] = [node["html"] for node in violation["nodes"]][:3]

    assert objections == {}
