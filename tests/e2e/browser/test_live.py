"""That a page shows what is, whatever comes between it and the portal: lost networks, late answers."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, Route, expect

from tests.chaos.proxy import Cut
from tests.e2e.browser.chromium import Watched
from tests.support.eventually import eventually
from tests.support.stack import Stack
from tests.support.wires import Cable, cable_to


@pytest.fixture
def cable(stack: Stack, watched: Watched) -> Iterator[Cable]:
    with cable_to(urlsplit(stack.url).port or 0) as opened:
        watched.page.context.add_cookies([stack.cookie(opened.url)])
        yield opened


def sockets_of(page: Page) -> list[str]:
    """Return the list into which every stream that the page opens is written."""
    opened: list[str] = []
    page.on("websocket", lambda one: opened.append(one.url) if "/api/v1/stream" in one.url else None)
    return opened


def test_a_network_that_comes_back_soon_costs_nothing(watched: Watched, stack: Stack, cable: Cable) -> None:
    page = watched.page
    opened = sockets_of(page)
    page.goto(f"{cable.url}/jobs?q=hiccup")
    expect(page.get_by_text(re.compile("^Live"))).to_be_visible()

    cable.cut(Cut.SILENT)
    stack.create("hiccup one", "hello.py")
    cable.mend()

    expect(page.get_by_role("link", name="hiccup one")).to_be_visible()
    assert len(opened) == 1
    assert (watched.complaints, page.get_by_role("alert").count()) == ([], 0)


@pytest.mark.parametrize("how", [Cut.SILENT, Cut.REFUSED])
def test_a_lost_network_is_said_and_the_page_heals_by_itself(
    how: Cut, watched: Watched, stack: Stack, cable: Cable
) -> None:
    name = f"healed {how}"
    job = stack.create(name, "hello.py")
    page = watched.page
    page.goto(f"{cable.url}/jobs?q={name.replace(' ', '+')}")
    row = page.get_by_role("row").filter(has=page.get_by_role("link", name=name))
    expect(row).to_contain_text("Never ran")
    pill = page.locator(".jp-side .jp-health")
    expect(page.get_by_text(re.compile("^Live"))).to_be_visible()

    cable.cut(how)
    expect(page.get_by_role("alert")).to_contain_text("The connection to the portal is lost")
    # Told once: what counts seconds is no news.
    age = page.get_by_role("alert").locator("[aria-live=off]")
    expect(age).to_have_text(re.compile("^What you see is .* old"))
    expect(pill).to_have_text("Connection lost")
    stack.ended(stack.run_now(job))
    cable.mend()

    expect(row).to_contain_text("Succeeded")
    expect(page.get_by_role("alert")).to_have_count(0)
    expect(pill).to_have_text("All systems go")
    expect(page).to_have_url(re.compile(re.escape(f"/jobs?q={name.replace(' ', '+')}")))
    expect(page.get_by_role("searchbox")).to_have_value(name)


def test_an_answer_that_is_overtaken_does_not_undo_what_came_meanwhile(
    watched: Watched, stack: Stack
) -> None:
    job = stack.create("overtaken", "hello.py")
    page = watched.page
    ended: list[str] = []

    def late(route: Route) -> None:
        answer = route.fetch()
        if not ended:
            ended.append(stack.ended(stack.run_now(job))["state"])
            page.wait_for_function("() => window.heardOfTheEnd")
        route.fulfill(response=answer)

    page.route("**/api/v1/jobs?*q=overtaken*", late)
    page.add_init_script(HEARD)
    page.goto("/jobs?q=overtaken")

    row = page.get_by_role("row").filter(has=page.get_by_role("link", name="overtaken"))
    expect(row).to_contain_text("Succeeded")
    assert ended == ["succeeded"]


# Notes when the page was told of the end of a run.
HEARD = """{ const Plain = WebSocket; window.WebSocket = class extends Plain {
  constructor(...given) { super(...given);
    this.addEventListener("message", ({ data }) => {
      if (String(data).includes('"state":"succeeded"')) window.heardOfTheEnd = true; }); } }; }"""


def test_a_hidden_tab_hears_nothing_draws_nothing_and_is_right_when_it_is_seen_again(
    watched: Watched, stack: Stack
) -> None:
    job = stack.create("behind the curtain", "hello.py")
    page = watched.page
    opened = sockets_of(page)
    with page.expect_websocket(lambda one: "/api/v1/stream" in one.url) as stream:
        page.goto("/jobs?q=behind+the+curtain")
    row = page.get_by_role("row").filter(has=page.get_by_role("link", name="behind the curtain"))
    expect(row).to_contain_text("Never ran")
    expect(page.get_by_text(re.compile("^Live"))).to_be_visible()

    with stream.value.expect_event("close"):
        page.evaluate(HIDE)
    stack.ended(stack.run_now(job))
    drawn = page.evaluate("window.drawn")
    assert (drawn, len(opened)) == ([], 1)
    page.evaluate(SHOW)

    expect(row).to_contain_text("Succeeded")
    assert len(opened) == 2
    assert watched.complaints == []


# Headless Chromium hides no tab: its two signs are given by hand. What is drawn meanwhile is written down.
HIDE = """() => {
  Object.defineProperty(document, "hidden", { value: true, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
  window.drawn = [];
  new MutationObserver((changes) => window.drawn.push(...changes.map((one) => one.target.nodeName)))
    .observe(document.body, { subtree: true, childList: true, characterData: true, attributes: true });
}"""
SHOW = '() => { delete document.hidden; document.dispatchEvent(new Event("visibilitychange")); }'


def test_what_runs_is_counted_in_the_menu_also_after_an_executor_was_heard(
    watched: Watched, stack: Stack, scripts: Path
) -> None:
    (scripts / "counted.py").write_text(WAITS)
    page = watched.page
    run = stack.run_now(stack.create("counted", "counted.py"))
    with page.expect_websocket(lambda one: "/api/v1/stream" in one.url) as stream:
        page.goto("/")
    runs = page.locator(".jp-side .jp-nav__count").nth(1)
    expect(runs).to_have_attribute("title", re.compile(r"[1-9]\d* running"))

    stream.value.wait_for_event("framereceived", lambda frame: '"topic":"executors"' in str(frame))

    expect(runs).to_have_attribute("title", re.compile(r"[1-9]\d* running"))
    (scripts / "counted").touch()
    stack.ended(run)


WAITS = """import pathlib, time
while not pathlib.Path(__file__).with_suffix("").exists(): time.sleep(0.05)
"""


def test_changes_that_never_pause_put_nothing_off_for_ever(watched: Watched) -> None:
    page = watched.page
    page.goto("/jobs")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    page.clock.install()

    page.evaluate(FLOODED)
    page.clock.run_for(5_000)
    during = page.evaluate("window.asked")
    page.evaluate("clearInterval(window.flood)")
    page.clock.run_for(1_000)

    assert 3 <= during <= 5
    assert page.evaluate("window.asked") == during + 1


FLOODED = """async () => {
  const { debounced } = await import("jp_core");
  window.asked = 0;
  const ask = debounced(() => (window.asked += 1), 120);
  window.flood = setInterval(ask, 50);
}"""


def test_an_answer_that_does_not_come_makes_nothing_be_asked_again_and_again(
    watched: Watched, stack: Stack
) -> None:
    page = watched.page
    page.route("**/api/v1/never", lambda _: None)
    page.goto("/calendars")
    expect(page.get_by_text(re.compile("^Live"))).to_be_visible()
    page.evaluate(ASKS_WHEN_TOLD)

    stack.create("asked about once", "hello.py")
    page.wait_for_function("window.asked.length")

    assert page.evaluate(ASKED_UNTIL_QUIET) < 50


ASKS_WHEN_TOLD = """async () => {
  const { api, follow } = await import("jp_core");
  window.asked = [];
  api("/never");
  follow("jobs", () => window.asked.push(api("/jobs?limit=1")));
}"""
ASKED_UNTIL_QUIET = """async () => {
  for (let before = 0; before < window.asked.length && before < 50; ) {
    before = window.asked.length;
    await Promise.all(window.asked);
    await new Promise((next) => setTimeout(next));
  }
  return window.asked.length;
}"""


def test_an_answer_from_before_a_silence_does_not_undo_what_was_loaded_after_it(
    watched: Watched, stack: Stack, scripts: Path
) -> None:
    (scripts / "outlived.py").write_text(WAITS)
    run = stack.run_now(stack.create("outlived", "outlived.py"))
    page = watched.page
    late: list[tuple[Route, object]] = []

    def hold(route: Route) -> None:
        if late:
            route.continue_()
        else:
            late.append((route, stack.ask("GET", f"/runs/{run}")))

    eventually(lambda: stack.ask("GET", f"/runs/{run}")["state"] == "running", within_s=20, what="it runs")
    page.route(f"**/api/v1/runs/{run}", hold)
    page.add_init_script(TAKEN)
    with page.expect_request(f"**/api/v1/runs/{run}"):
        page.goto(f"/runs/{run}")
    expect(page.get_by_text(re.compile("^Live"))).to_be_visible()
    page.evaluate(HIDE)
    assert late
    (scripts / "outlived").touch()
    stack.ended(run)
    page.evaluate(SHOW)
    expect(page.locator(".jp-head")).to_contain_text("Succeeded")

    (route, answer), *_ = late
    taken = page.evaluate("window.taken")
    route.fulfill(json=answer)
    page.wait_for_function("before => window.taken > before", arg=taken)

    expect(page.locator(".jp-head")).to_contain_text("Succeeded")


# Counts the answers that the page has read, and taken over.
TAKEN = """{ window.taken = 0; const plain = Response.prototype.json;
  Response.prototype.json = async function () {
    const value = await plain.call(this); setTimeout(() => { window.taken += 1; }); return value; }; }"""
