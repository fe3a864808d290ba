import pytest

from shared.domain.errors import InvalidInput
from shared.domain.resources import BOUNDS, in_bytes, resources_from_json, resources_of, resources_to_json


@pytest.mark.parametrize("name", BOUNDS)
def test_both_ends_of_what_may_be_chosen_are_kept_and_nothing_beyond(name: str) -> None:
    bound = BOUNDS[name]

    for value in (bound.least, bound.most):
        assert resources_to_json(resources_from_json({name: value})) == {name: value}
    for wrong in (bound.least - 1, bound.most + 1, float(bound.least), str(bound.least), True):
        with pytest.raises(InvalidInput) as refused:
            resources_from_json({name: wrong})
        assert refused.value.field == name


def test_what_is_not_said_is_not_bounded() -> None:
    assert resources_to_json(resources_from_json({"memory_bytes": None})) == {}
    assert resources_of(None) == resources_of({}) == resources_from_json({})


def test_what_a_newer_version_bounds_is_left_out_here() -> None:
    assert resources_to_json(resources_of({"cpu_s": 9, "gpus": 1})) == {"cpu_s": 9}


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1_000, "1 KB"),
        (256_000_000, "256 MB"),
        (301_460_000, "301.5 MB"),
        (1_500_000_000, "1.5 GB"),
        (1_000_000_000_000, "1,000 GB"),
    ],
)
def test_bytes_are_said_in_powers_of_ten(count: int, words: str) -> None:
    assert in_bytes(count) == words
