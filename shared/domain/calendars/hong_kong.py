"""The general holidays of Hong Kong, as gazetted: facts, not a computation.

Source: the lists of general holidays that the government publishes each spring for the next year
(gov.hk/en/about/abouthk/holiday), under the General Holidays Ordinance (Cap. 149). Sundays are
general holidays too and are not listed: exclude them with weekly windows. Extend by adding the
year's list here and nothing else.
"""

from datetime import date

from shared.domain.calendars.calendar import Calendar
from shared.domain.calendars.dates import Day, dates_of

HONG_KONG_NAME = "Hong Kong general holidays"
_ZONE = "Asia/Hong_Kong"

_NEW_YEAR = "The first day of January"
_LUNAR = "Lunar New Year's Day"
_LUNAR_2 = "The second day of Lunar New Year"
_LUNAR_3 = "The third day of Lunar New Year"
_LUNAR_4 = "The fourth day of Lunar New Year"
_GOOD_FRIDAY = "Good Friday"
_HOLY_SATURDAY = "The day following Good Friday"
_EASTER = "Easter Monday"
_CHING_MING = "Ching Ming Festival"
_LABOUR = "Labour Day"
_BUDDHA = "The Birthday of the Buddha"
_TUEN_NG = "Tuen Ng Festival"
_HKSAR = "Hong Kong Special Administrative Region Establishment Day"
_MID_AUTUMN = "The day following the Chinese Mid-Autumn Festival"
_NATIONAL = "National Day"
_CHUNG_YEUNG = "Chung Yeung Festival"
_CHRISTMAS = "Christmas Day"
_BOXING = "The first weekday after Christmas Day"

_GAZETTED: dict[int, tuple[tuple[int, int, str], ...]] = {
    2024: (
        (1, 1, _NEW_YEAR),
        (2, 10, _LUNAR),
        (2, 12, _LUNAR_3),
        (2, 13, _LUNAR_4),
        (3, 29, _GOOD_FRIDAY),
        (3, 30, _HOLY_SATURDAY),
        (4, 1, _EASTER),
        (4, 4, _CHING_MING),
        (5, 1, _LABOUR),
        (5, 15, _BUDDHA),
        (6, 10, _TUEN_NG),
        (7, 1, _HKSAR),
        (9, 18, _MID_AUTUMN),
        (10, 1, _NATIONAL),
        (10, 11, _CHUNG_YEUNG),
        (12, 25, _CHRISTMAS),
        (12, 26, _BOXING),
    ),
    2025: (
        (1, 1, _NEW_YEAR),
        (1, 29, _LUNAR),
        (1, 30, _LUNAR_2),
        (1, 31, _LUNAR_3),
        (4, 4, _CHING_MING),
        (4, 18, _GOOD_FRIDAY),
        (4, 19, _HOLY_SATURDAY),
        (4, 21, _EASTER),
        (5, 1, _LABOUR),
        (5, 5, _BUDDHA),
        (5, 31, _TUEN_NG),
        (7, 1, _HKSAR),
        (10, 1, _NATIONAL),
        (10, 7, _MID_AUTUMN),
        (10, 29, _CHUNG_YEUNG),
        (12, 25, _CHRISTMAS),
        (12, 26, _BOXING),
    ),
    2026: (
        (1, 1, _NEW_YEAR),
        (2, 17, _LUNAR),
        (2, 18, _LUNAR_2),
        (2, 19, _LUNAR_3),
        (4, 3, _GOOD_FRIDAY),
        (4, 4, _HOLY_SATURDAY),
        (4, 6, "The day following Ching Ming Festival"),
        (4, 7, "The day following Easter Monday"),
        (5, 1, _LABOUR),
        (5, 25, "The day following the Birthday of the Buddha"),
        (6, 19, _TUEN_NG),
        (7, 1, _HKSAR),
        (9, 26, _MID_AUTUMN),
        (10, 1, _NATIONAL),
        (10, 19, "The day following Chung Yeung Festival"),
        (12, 25, _CHRISTMAS),
        (12, 26, _BOXING),
    ),
    2027: (
        (1, 1, _NEW_YEAR),
        (2, 6, _LUNAR),
        (2, 8, _LUNAR_3),
        (2, 9, _LUNAR_4),
        (3, 26, _GOOD_FRIDAY),
        (3, 27, _HOLY_SATURDAY),
        (3, 29, _EASTER),
        (4, 5, _CHING_MING),
        (5, 1, _LABOUR),
        (5, 13, _BUDDHA),
        (6, 9, _TUEN_NG),
        (7, 1, _HKSAR),
        (9, 16, _MID_AUTUMN),
        (10, 1, _NATIONAL),
        (10, 8, _CHUNG_YEUNG),
        (12, 25, _CHRISTMAS),
        (12, 27, _BOXING),
    ),
}


def hong_kong() -> Calendar:
    """Return the general holidays of Hong Kong; it warns for years whose list is not built in."""
    days = (
        Day(on=date(year, month, day), label=label)
        for year, listed in _GAZETTED.items()
        for month, day, label in listed
    )
    first, last = min(_GAZETTED), max(_GAZETTED)
    times = dates_of(days, known_from=date(first, 1, 1), known_until=date(last, 12, 31))
    return Calendar(name=HONG_KONG_NAME, zone=_ZONE, times=times)
