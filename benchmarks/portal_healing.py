"""How long a page in Chromium needs to be right again: part of `./portal bench portal`, as `heal`.

Each time a filtered list is open, the fault comes, a run begins and ends meanwhile, and it is waited for
until the list shows its end by itself, with its filter and without a banner.
"""

import os
import re
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from anyio.from_thread import start_blocking_portal
from playwright.sync_api import Browser, Page, expect

from tests.chaos.proxy import Cut
from tests.e2e.browser.chromium import chromium
from tests.support.replicas import another_ui
from tests.support.stack import Stack
from tests.support.sticky import COOKIE, sticky_proxy
from tests.support.wires import Cable, cable_to

MOST_S = 10.0
_FILTER = "healing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What happens to a page that is open: `strike` begins it, and `end` is when its healing may begin."""

    name: str
    url: str
    strike: Callable[[Page], None]
    end: Callable[[], None] = lambda: None
    replica: int = 0


def heals(stack: Stack) -> bool:
    """Print how long each fault was felt; return False where a page was not right within 10 s."""
    expect.set_options(timeout=60_000)
    own = urlsplit(stack.url).port or 0
    print(f"{'healed after':34}{'seconds':>10}{'banner':>10}\n{'targets':34}{f'<= {MOST_S:.0f}':>10}")
    with (
        cable_to(own) as cable,
        another_ui(stack) as other,
        start_blocking_portal() as loop,
        loop.wrap_async_context_manager(sticky_proxy([own, other.port])) as url,
        chromium() as browser,
    ):
        faults = (
            Fault(name="1.5 s without network", url=cable.url, strike=_silence(cable, 1.5), end=cable.mend),
            Fault(name="8 s without network", url=cable.url, strike=_silence(cable, 8), end=cable.mend),
            Fault(name="its replica killed", url=url, strike=lambda _: other.process.kill(), replica=1),
            Fault(name="ui killed and started again", url=stack.url, strike=lambda _: _kill(stack.pid("ui"))),
        )
        return max([_healed(stack, browser, fault) for fault in faults]) <= MOST_S


def _silence(cable: Cable, seconds: float) -> Callable[[Page], None]:
    def strike(page: Page) -> None:
        cable.cut(Cut.SILENT)
        page.wait_for_timeout(seconds * 1_000)

    return strike


def _healed(stack: Stack, browser: Browser, fault: Fault) -> float:
    job = stack.create(f"{_FILTER} {fault.name}", "hello.py")
    context = browser.new_context(base_url=fault.url, viewport={"width": 1440, "height": 900})
    context.add_cookies(
        [{"name": COOKIE, "value": str(fault.replica), "url": fault.url}, stack.cookie(fault.url)]
    )
    page = context.new_page()
    page.goto(f"/jobs?q={_FILTER}")
    row = page.get_by_role("row").filter(has=page.get_by_role("link", name=f"{_FILTER} {fault.name}"))
    expect(row).to_contain_text("Never ran")
    expect(page.get_by_text(re.compile("^Live"))).to_be_visible()
    page.evaluate(WATCH)
    stack.run_now(job)
    fault.strike(page)
    seen = [page.evaluate(SEEN)]
    began = time.monotonic()
    fault.end()
    expect(row).to_contain_text("Succeeded")
    expect(page.get_by_role("alert")).to_have_count(0)
    expect(page).to_have_url(re.compile(f"q={_FILTER}"))
    took = time.monotonic() - began
    seen.append(page.evaluate(SEEN))
    print(f"{fault.name:34}{took:>10.1f}{'seen' if any(seen) else 'no':>10}", flush=True)
    context.close()
    return took


WATCH = """() => new MutationObserver(() => {
  if (document.querySelector('.jp-banner--down')) window.hadBanner = true;
}).observe(document.body, { subtree: true, childList: true })"""


SEEN = "Boolean(window.hadBanner)"


def _kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
