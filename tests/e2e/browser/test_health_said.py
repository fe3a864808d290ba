"""That pill, banner and menu say one thing, in every state of the health and of the connection."""

import itertools
from datetime import UTC, datetime

import msgspec
from playwright.sync_api import expect

from services.ui.models import Unserved
from services.ui.queries.health import Facts, judged
from shared.domain.holds import Hold, HoldKind, Holds
from tests.e2e.browser.chromium import Watched

NOW = datetime.now(UTC)
FROZEN = Hold(
    kind=HoldKind.FREEZE, subject="", begun_at=NOW, begun_by="ann", ends_at=NOW.replace(year=NOW.year + 1)
)

SAID = """async ([healths, link]) => {
  const core = await import("jp_core");
  const { nextTick } = await import("vue");
  const found = [];
  for (const health of healths) {
    Object.assign(core.health, health);
    core.link.state = link;
    await nextTick();
    const text = (chosen) => [...document.querySelectorAll(chosen)].map((one) => one.textContent.trim());
    found.push({
      pills: text(".jp-health, .jp-prefs__state .jp-chip"),
      tones: [...document.querySelector(".jp-health").classList].filter((one) => one.startsWith("jp-tone")),
      banners: text("#jp-banner > .jp-banner:not(.jp-banner--frozen) strong"),
      frozen: text("#jp-banner > .jp-banner--frozen").length,
    });
  }
  core.link.state = "live";
  return found;
}"""


def test_pill_and_banner_never_contradict(watched: Watched) -> None:
    page = watched.page
    page.goto("/calendars")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    healths = [
        judged(
            Facts(
                database=database, broker=broker, broker_since=None, overdue_since=overdue, executors=2,
                executors_online=online, ailing=ailing, waiting=3, unserved=unserved, holds=holds,
            ),
            now=NOW,
        )
        for database, broker, overdue, online, ailing, unserved, holds in itertools.product(
            (True, False), (True, False), (None, NOW), (0, 2), ((), ("first",)),
            ((), (Unserved(pool="heavy", waiting=3),)), (Holds(), Holds((FROZEN,))),
        )
    ]  # fmt: skip
    told = [msgspec.to_builtins(one, builtin_types=()) for one in healths]

    for link in ("live", "lost"):
        for health, said in zip(told, page.evaluate(SAID, [told, link]), strict=True):
            is_well = health["state"] == "ok" and link == "live"
            title = "Connection lost" if link == "lost" else health["title"]
            assert set(said["pills"]) == {title}
            assert len(said["banners"]) == (0 if is_well else 1), (health, said)
            if link == "live":
                assert is_well or said["banners"][0].startswith(title)
            assert ("jp-tone--succeeded" in said["tones"]) == (is_well and not health["freeze"])
            assert said["frozen"] == (1 if health["freeze"] else 0)
