"""The public holidays of a country, by the optional library `holidays`.

They become an ordinary list of dates, for chosen years: what a job was judged by can be read and
corrected, and an update of the library changes no schedule. For Hong Kong use the built-in calendar:
the library lists its statutory holidays only.
"""

from collections.abc import Iterator
from datetime import date

from shared.domain.calendars import Dates, Day, dates_of, tidy_label
from shared.domain.errors import InvalidInput

FIRST_YEAR, LAST_YEAR = 1970, 2199
MAX_YEARS = 50


def dates_of_country(country: str, years: range, *, subdivision: str | None = None) -> Dates:
    """Return the public holidays of a country, known for exactly these years; labels are in English.

    `country` is its ISO 3166-1 code and `subdivision` the second half of its ISO 3166-2 code.

    Raises:
        InvalidInput: on field `years`, `country`, `subdivision` or `dates`; on `country` as well when
            the library is not installed.
    """
    if not years or not FIRST_YEAR <= years[0] <= years[-1] <= LAST_YEAR or len(years) > MAX_YEARS:
        raise InvalidInput("years", f"Choose 1 to {MAX_YEARS} years from {FIRST_YEAR} to {LAST_YEAR}.")
    days = list(_days(country.strip().upper(), years, subdivision))
    if not days:
        raise InvalidInput("years", f"No holidays of {country} are known for these years. Choose others.")
    return dates_of(days, known_from=date(years[0], 1, 1), known_until=date(years[-1], 12, 31))


def _days(country: str, years: range, subdivision: str | None) -> Iterator[Day]:
    try:
        import holidays  # noqa: PLC0415 - an optional extra, and 14 MB: only who asks for it has it
    except ImportError:
        message = "Holidays of other countries need an extra: pip install 'job-trigger-portal[holidays]'."
        raise InvalidInput("country", message) from None
    known = holidays.list_supported_countries(include_aliases=True)
    if country not in known:
        raise InvalidInput("country", f"No holidays of {country!r} are known. Use an ISO code such as GB.")
    if subdivision is not None and subdivision not in known[country]:
        some = ", ".join(sorted(known[country])[:10]) or "none"
        raise InvalidInput("subdivision", f"{country} has no {subdivision!r}. Choose one of: {some}.")
    language = "en_US" if "en_US" in holidays.list_localized_countries().get(country, ()) else None
    found = holidays.country_holidays(country, subdiv=subdivision, years=years, language=language)
    for on, label in found.items():
        yield Day(on=on, label=tidy_label(label))
