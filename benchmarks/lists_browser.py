"""The jobs list in a real Chromium, beside a bare page with as many rows in the same run.

    python -m benchmarks.lists_browser HOME [--times 40]

HOME is a folder that `benchmarks.ledger` has filled. The portal's ui is started on it, without a broker.
Times are in milliseconds, from what a person does to the first frame that shows all rows of the answer.
Cold is a browser that has nothing of the portal yet. The first one after a start, for which files are
compressed, is not counted.
"""

import argparse
import os
import socket
import statistics
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.support.identity import Cookie, cookie, new_session

_CHROMIUM = "/usr/bin/chromium"
_ARGUMENTS = ("--headless", "--no-sandbox", "--disable-gpu")
_NOWHERE = "amqp://nobody:nothing@127.0.0.1:1/"
_WARM_MS, _KEY_MS, _CLICK_MS = 1_000.0, 350.0, 150.0
_WORDS = ("invoice", "export", "0042", "report", "007", "ledger", "sync", "0999", "mail", "archive")
_ROWS = "document.querySelectorAll('tbody tr[data-job]')"
# Acts, then looks at every frame whether what is to be shown is shown.
_TIMED = """([act, shown]) => new Promise((resolve) => {
  const began = performance.now();
  new Function(act)();
  const isShown = new Function(`return ${shown}`);
  const look = () => (isShown() ? resolve(performance.now() - began) : requestAnimationFrame(look));
  requestAnimationFrame(look);
})"""
_STILL = "<!doctype html><title>bare</title><table>" + "<tr data-job><td>a row</td></tr>" * 50 + "</table>"


def main() -> None:
    """Measure, and end with 1 if a target was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("home", type=Path)
    parser.add_argument("--times", type=int, default=40)
    given = parser.parse_args()
    sys.exit(1 if measure(given.home, times=given.times) else 0)


def measure(home: Path, *, times: int) -> int:
    """Print each figure beside its target; return how many were missed."""
    with _bare() as bare, _portal(home) as portal, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_CHROMIUM, args=list(_ARGUMENTS))
        session = cookie(new_session(home), portal)
        page = _context(browser, session).new_page()
        told = [
            _told("a bare page of 50 rows", [_opened(page, bare) for _ in range(times)], None),
            _told(
                "jobs, cold",
                [_cold(browser, session, f"{portal}/jobs") for _ in range(times // 2 + 1)][1:],
                2_000,
            ),
            _told("jobs, warm", [_opened(page, f"{portal}/jobs") for _ in range(times + 1)][1:], _WARM_MS),
            _told("a key in the search", list(_keys(page, times)), _KEY_MS),
            _told("a click that sorts", list(_sorts(_fresh(page, portal), times)), _CLICK_MS),
            _told("a click to the next page", list(_turns(_fresh(page, portal), times)), _CLICK_MS),
        ]
        browser.close()
    return sum(told)


def _told(name: str, took: list[float], target: float | None) -> bool:
    p50, p95 = statistics.median(took), p95_of(took)
    missed = target is not None and p95 > target
    shown = f"{target:7.0f}" if target is not None else "      -"
    print(f"{name:34} {p50:8.0f} {p95:8.0f} {'':8} {shown}{' TOO MUCH' if missed else ''}", flush=True)
    return missed


def p95_of(took: list[float]) -> float:
    """Return what 95 % of these took at most; never more than the slowest of them took."""
    return statistics.quantiles(took, n=20, method="inclusive")[-1]


def _opened(page: Page, url: str) -> float:
    began = time.perf_counter()
    page.goto(url, wait_until="commit")
    page.wait_for_selector("tr[data-job]")
    return (time.perf_counter() - began) * 1_000


def _fresh(page: Page, portal: str) -> Page:
    _opened(page, f"{portal}/jobs")
    return page


def _context(browser: Browser, session: Cookie) -> BrowserContext:
    context = browser.new_context()
    context.add_cookies([session])
    return context


def _cold(browser: Browser, session: Cookie, url: str) -> float:
    context = _context(browser, session)
    took = _opened(context.new_page(), url)
    context.close()
    return took


def _keys(page: Page, times: int) -> Iterator[float]:
    """Yield what it takes from the last key to rows that all hold the word."""
    for number in range(times):
        word = _WORDS[number % len(_WORDS)]
        act = (
            "const box = document.querySelector('[data-jp-search]');"
            f"box.value = '{word}'; box.dispatchEvent(new Event('input', {{ bubbles: true }}));"
        )
        holds = f"[...{_ROWS}].every((row) => row.innerText.toLowerCase().includes('{word}'))"
        yield float(page.evaluate(_TIMED, [act, f"{_ROWS}.length && {holds}"]))


def _clicks(page: Page, selector: Callable[[int], str], times: int) -> Iterator[float]:
    for number in range(times):
        first = page.evaluate(f"{_ROWS}[0].dataset.job")
        act = f"{selector(number)}.click()"
        yield float(page.evaluate(_TIMED, [act, f"{_ROWS}.length && {_ROWS}[0].dataset.job !== '{first}'"]))


def _sorts(page: Page, times: int) -> Iterator[float]:
    heads = "document.querySelectorAll('.jp-table__sort')"
    return _clicks(page, lambda number: f"{heads}[{(2, 0)[number % 2]}]", times)


def _turns(page: Page, times: int) -> Iterator[float]:
    return _clicks(page, lambda _: "document.querySelectorAll('.jp-card__foot button')[1]", times)


@contextmanager
def _bare() -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            with suppress(BrokenPipeError):  # a browser connects ahead and may have no use for it
                self.wfile.write(_STILL.encode())

        def log_message(self, *_: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()


@contextmanager
def _portal(home: Path) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    environment = os.environ | {
        "PORTAL_HOME": str(home.resolve()),
        "PORTAL_UI_PORT": str(port),
        "PORTAL_AMQP_URL": _NOWHERE,
    }
    subprocess.run([sys.executable, "-m", "services.cli", "migrate"], env=environment, check=True)
    process = subprocess.Popen(
        [sys.executable, "-m", "services.ui"], env=environment, stderr=subprocess.DEVNULL
    )
    try:
        _wait_for(f"http://127.0.0.1:{port}/healthz")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


def _wait_for(url: str) -> None:
    for _ in range(300):
        try:
            urllib.request.urlopen(url, timeout=5).close()  # noqa: S310 - our own
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise SystemExit(f"{url} does not answer: start the portal on this folder by hand to see why")


if __name__ == "__main__":
    main()
