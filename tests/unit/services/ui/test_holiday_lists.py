"""Holidays of countries by the optional library: ordinary dates, known for the chosen years."""

from datetime import date

import pytest

from services.ui.commands.holiday_lists import dates_of_country
from shared.domain.calendars import hong_kong
from shared.domain.errors import InvalidInput


def test_a_country_becomes_a_list_known_for_the_chosen_years() -> None:
    dates = dates_of_country("gb", range(2026, 2028), subdivision="SCT")

    labels = {day.on: day.label for day in dates.days}
    assert labels[date(2026, 11, 30)] == "Saint Andrew's Day"
    assert {on.year for on in labels} == {2026, 2027}
    assert (dates.known_from, dates.known_until) == (date(2026, 1, 1), date(2027, 12, 31))


def test_labels_are_in_english_where_the_library_has_them() -> None:
    dates = dates_of_country("DE", range(2026, 2027))

    assert dates.days[0].label == "New Year's Day"


def test_hong_kongs_built_in_list_agrees_with_the_library() -> None:
    import holidays

    theirs = holidays.HK(years=range(2024, 2028), categories=("public", "optional"))

    assert {day.on for day in hong_kong().times.days} == {on for on in theirs if on.weekday() != 6}


@pytest.mark.parametrize(
    ("country", "years", "subdivision", "field"),
    [
        ("ZZ", range(2026, 2027), None, "country"),
        ("", range(2026, 2027), None, "country"),
        ("GB", range(2026, 2027), "ZZZ", "subdivision"),
        ("GB", range(2026, 2026), None, "years"),
        ("GB", range(1900, 1910), None, "years"),
        ("GB", range(2000, 2100), None, "years"),
    ],
)
def test_what_is_not_known_is_refused(
    country: str, years: range, subdivision: str | None, field: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        dates_of_country(country, years, subdivision=subdivision)

    assert refused.value.field == field
