"""Sleeping: exactly until something is due, and never so long that a set clock goes unnoticed."""

import asyncio
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.scheduler.wakeup import LONGEST_SLEEP_S, NEAR_SLEEP_S, Agenda, News, WakeUp, nap
from shared.domain.ids import JobId, new_id
from tests.support.manual_clock import EPOCH, ManualClock

SECOND = timedelta(seconds=1)


@given(st.timedeltas(timedelta(seconds=-1_000), timedelta(days=100)))
def test_a_nap_never_passes_the_instant_nor_the_bounds(left: timedelta) -> None:
    left_s = left.total_seconds()

    slept = nap(EPOCH + left, EPOCH)

    assert 0 <= slept <= max(0.0, left_s)
    assert slept <= (NEAR_SLEEP_S if left_s <= LONGEST_SLEEP_S else LONGEST_SLEEP_S)


def test_without_an_instant_the_nap_is_the_longest() -> None:
    assert nap(None, EPOCH) == LONGEST_SLEEP_S


@given(st.lists(st.integers(0, 50), max_size=60), st.integers(0, 50))
def test_an_agenda_gives_what_is_due_in_order_and_keeps_the_rest(offsets: list[int], now: int) -> None:
    async def trial() -> tuple[list[int], Agenda[int]]:
        agenda: Agenda[int] = Agenda()
        for offset in offsets:
            agenda.put(EPOCH + offset * SECOND, (offset,))
        return agenda.take_due(EPOCH + now * SECOND, limit=100), agenda

    due, agenda = asyncio.run(trial())

    assert due == sorted(offset for offset in offsets if offset <= now)
    rest = [offset for offset in offsets if offset > now]
    assert agenda.next_at == (EPOCH + min(rest) * SECOND if rest else None)


async def test_a_call_ends_the_sleep_before_its_time() -> None:
    clock, wake = ManualClock(), WakeUp()

    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        group.create_task(wake.wait(clock, 3_600))
        await asyncio.sleep(0)
        wake.call()

    assert clock.now() == EPOCH


async def test_a_call_before_the_sleep_is_not_lost() -> None:
    clock, wake = ManualClock(), WakeUp()
    wake.call()

    async with asyncio.timeout(5):
        await wake.wait(clock, 3_600)


async def test_something_earlier_wakes_who_waits_for_something_later() -> None:
    clock = ManualClock()
    agenda: Agenda[str] = Agenda()
    agenda.put(EPOCH + 3_600 * SECOND, ("later",))

    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        waiting = group.create_task(agenda.wait(clock))
        await asyncio.sleep(0)
        agenda.put(EPOCH, ("now",))
        await waiting

    assert agenda.take_due(clock.now(), limit=10) == ["now"]


def test_news_is_taken_once() -> None:
    news, job = News(), JobId(new_id())
    news.job_changed(job)
    news.job_changed(job)

    assert (news.take_jobs(), news.take_jobs()) == ({job}, set())
    assert (news.take_requests(), news.take_requests()) == (True, False)
