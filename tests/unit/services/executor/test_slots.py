from services.executor.slots import Slots


def test_one_slot_beyond_the_configured_ones_serves_only_urgent() -> None:
    slots = Slots(2)

    taken = [slots.take(urgent=False) for _ in range(3)]

    assert taken == [True, True, False]
    assert slots.take(urgent=True)
    assert not slots.take(urgent=True)


def test_urgent_runs_may_use_any_slot() -> None:
    slots = Slots(1)

    assert [slots.take(urgent=True) for _ in range(3)] == [True, True, False]


def test_after_an_urgent_one_too_many_ordinary_ones_wait_for_a_real_slot() -> None:
    slots = Slots(1)
    slots.take(urgent=False)
    slots.take(urgent=True)

    slots.give_back()

    assert not slots.has_room(urgent=False)
    slots.give_back()
    assert slots.has_room(urgent=False)
