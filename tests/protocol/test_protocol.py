"""Every state of the model holds G3 and G4; without any one of its rules, some state does not."""

from dataclasses import replace

import pytest

from tests.protocol.model import Rules
from tests.protocol.search import searched

RESTARTS = Rules()
LATE_RENEWALS = Rules(boots=(1, 1), renewals=(2, 0))
"""Two renewals at once: one of them may be read long after the other."""
SABOTAGES = {
    "claims are granted whatever the state": (replace(RESTARTS, claims_need_queued=False), "G3"),
    "claims have no ids": (replace(RESTARTS, claims_have_ids=False), "G3"),
    "a release can be read twice": (replace(RESTARTS, release_takes_token=False), "G3"),
    "spawned however late": (replace(RESTARTS, spawns_in_time=False, keeper_looks=False), "G4"),
    "only the executor looks whether it is too late": (replace(RESTARTS, keeper_looks=False), "G4"),
    "no fence": (replace(RESTARTS, keeper_fences=False), "G4"),
    "a lease counts from the answer": (replace(RESTARTS, lease_from_sending=False), "G4"),
    "silence is as long as the fence": (replace(RESTARTS, silence=RESTARTS.fence), "G4"),
    "a claim does not end a silence": (replace(RESTARTS, claim_is_life=False), "G4"),
    "an old renewal judges newer claims": (replace(LATE_RENEWALS, judges_by_hearing=False), "G4"),
}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("rules", [RESTARTS, LATE_RENEWALS], ids=["restarts", "late renewals"])
def test_no_state_breaks_a_guarantee(rules: Rules) -> None:
    found = searched(rules)

    assert found.fault is None, "\n".join(found.way)
    assert found.states > 10_000


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("rules", "guarantee"), SABOTAGES.values(), ids=SABOTAGES.keys())
def test_without_a_rule_a_way_to_break_a_guarantee_is_found(rules: Rules, guarantee: str) -> None:
    found = searched(rules)

    assert found.fault is not None
    assert found.fault.startswith(guarantee), "\n".join(found.way)
