"""The portal in Chinese, as a browser that asks for it is served."""

import re

from playwright.sync_api import Browser, expect

from services.ui.words import chinese
from services.ui.words.places import PLACE
from shared.domain.schedules.cron import Cron
from tests.e2e.browser.chromium import Watched
from tests.e2e.browser.screenshots import opened, pages_of, show
from tests.support.stack import Stack

TOLD = "async (lines) => { const { told } = await import('jp_words'); return lines.map(told); }"
# What is read and what is heard of a page, one line each.
LINES = """() => [
  ...document.body.innerText.split("\\n"), document.title,
  ...[...document.querySelectorAll("[aria-label], [title], [placeholder]")].flatMap((one) =>
    ["aria-label", "title", "placeholder"].map((name) => one.getAttribute(name) ?? "")),
].map((line) => line.trim()).filter(Boolean)"""
# The same in both languages: keys, file names, an example of a name.
SAME = {english for english, words in chinese().texts.items() if english == words}


def test_no_page_says_in_english_what_it_has_in_chinese(browser: Browser, stack: Stack) -> None:
    job = stack.create("一項工作", "fails.py")
    stack.ended(stack.run_now(job))
    english = {
        text for text in chinese().texts if not PLACE.search(text) and text not in SAME and len(text) > 3
    }

    left = {}
    # One profile for all pages: their scripts are loaded once.
    with opened(browser, stack.seen(), "", theme="light", size="1440", language="zh") as page:
        for name, path in pages_of(stack.seen()).items():
            show(page, stack.url + path)
            assert page.locator("html").get_attribute("lang") == "zh-Hant-HK"
            lines = set(page.evaluate(LINES))
            if found := lines & english:
                left[name] = found

    assert left == {}


def test_a_person_chooses_a_language_and_keeps_it(watched: Watched, stack: Stack) -> None:
    page = watched.page
    page.goto("/jobs")
    expect(page.get_by_role("heading", name="Jobs", exact=True)).to_be_visible()
    page.get_by_role("button", name=re.compile("Hong_Kong")).click()
    page.get_by_role("button", name="繁體中文").click()

    expect(page.get_by_role("heading", name="工作", exact=True)).to_be_visible()
    expect(page).to_have_title("工作 · 工作觸發平台")
    page.goto("/runs")
    expect(page.get_by_role("heading", name="執行記錄", exact=True)).to_be_visible()

    page.get_by_role("button", name=re.compile("Hong_Kong")).click()
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("heading", name="Runs", exact=True)).to_be_visible()
    assert (watched.complaints, watched.foreign) == ([], [])


SCHEDULES = [
    *("* * * * *", "*/15 8-18 * * MON-FRI", "0 9 * * *", "0 9,12,18 * * SAT,SUN", "5 */2 * * *"),
    *("0 6 1,15 * *", "30 2 L * *", "0 9 * * 5L", "0 9 * * MON#1", "0 9 15W * *", "0,30 8-18 * * *"),
    *("0 9 1 1 *", "0 9 * 3-5 MON", "0 9 13 * FRI", "0 9 */2 * *", "*/30 * * * * *", "* 9-17 * * *"),
    *("*/10 9,12 * * MON-FRI", "0 9 1 JAN,JUL *", "30 2 29 2 MON", "* * * * SAT", "0 * * * MON"),
    *("0 9 L * SAT,SUN", "*/15 8-18 L-3W 3-5 *", "0 9 */2 * FRI", "0 9 * 3-5 *", "5 */7 */2 * * FRI#5"),
]  # fmt: skip
SENTENCES = [
    "Every day at 02:30; every week on weekdays at 08:00; 3 more",
    "Every week on Monday, Wednesday and Friday at 09:00",
    "Every month on the 31st, or the last day of shorter months, at 09:00",
    "Once on 4 Mar 2027 at 10:00",
    "On 25 Oct 2026 01:00 to 01:45 come twice: runs both times",
    "No executor takes runs. The page Executors says why. 2 runs are waiting; none is lost.",
    "No executor has reported for 40 s. 5 runs are waiting; none is lost.",
    "Skipped: run #41 was still going, and another waits already",
    "Not tried again: that was attempt 3 of 3.",
    "The scheduler had given the run up: stopped at once. Not tried again: the job is paused.",
    "Excluded: Christmas Day; no day to move it to was found",
    "Monday, Wednesday and Friday 09:00 to 18:00; Saturday, Sunday 22:00 to 02:00 the next day",
]


# Wider patterns fit these, too, and a sentence that is told by halves says nothing.
WHOLE = {
    "Hour: x is no hour. Write a number from 0 to 23.": "時：x 不是小時。請填寫 0 至 23 的數字。",
    "Choose between 1 and 50. To stop all, pause the jobs or a pool.": (
        "請選擇 1 至 50。如要全部停止，請暫停工作或執行池。"
    ),
    "There is no such script any more, or anywhere.": "There is no such script any more, or anywhere.",
    "At most one bird fits.": "At most one bird fits.",
    "Excluded by calendar Ireland: St. Patrick's Day": "被日曆 Ireland 排除：St. Patrick's Day",
    "Excluded: Founders' Day": "已排除：Founders' Day",
    "At 09:07, on the 1st of the month or at weekends": "逢每月 1 日或星期六及日 09:07",
    "Every hour at :15": "每小時 15 分",
    "Every hour at :05 and :35": "每小時 :05 及 :35",
    "Every day at 02:30; after load": "每日 02:30；在 load 之後",
    "No executor of pool heavy offers isolated.": "執行池 heavy 沒有執行器提供「隔離」級別。",
    "scripts/a.py could not be started. Permission denied: the script's user may not run it.": (
        "無法啟動 scripts/a.py。腳本的使用者沒有執行權限。"
    ),
    # No pattern may take long, whatever it is shown.
    f"On {'a ' * 900}x": f"On {'a ' * 900}x",
}


def test_what_the_server_says_is_told_in_chinese(browser: Browser, stack: Stack) -> None:
    said = [Cron(expr=expr).describe() for expr in SCHEDULES] + SENTENCES
    named = ["No executor serves heavy: 2 runs wait.", "Another job is called Jan. Choose another name."]
    with opened(browser, stack.seen(), "/jobs", theme="light", size="1440", language="zh") as page:
        told = page.evaluate(TOLD, said)
        kept = page.evaluate(TOLD, ["A name", "Exit code 3 means: nothing to do.", *named])
        assert page.evaluate(TOLD, list(WHOLE)) == list(WHOLE.values())

    assert {one: words for one, words in zip(said, told, strict=True) if re.search("[A-Za-z]", words)} == {}
    # What nobody says stays as it is, and so does a name inside of a sentence.
    assert kept[:2] == ["A name", "Exit code 3 means: nothing to do."]
    assert kept[2:] == [
        "沒有執行器服務執行池 heavy：有 2 次執行等候中。",
        "另一項工作已名為 Jan。請另選名稱。",
    ]
