import pytest
from pydantic import ValidationError

from services.ui.settings import UiSettings, default_zone


def settings(**changes: str) -> UiSettings:
    return UiSettings(amqp_url="amqp://unused", **changes)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_it_listens_on_loopback(host: str) -> None:
    assert settings(ui_host=host).checked_host(has_owner=False) == host


def test_a_container_listens_everywhere_when_its_port_is_published_on_loopback() -> None:
    assert settings(ui_host="0.0.0.0", ui_published="127.0.0.1").checked_host(has_owner=False) == "0.0.0.0"


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"ui_host": "0.0.0.0"}, "PORTAL_UI_HOST=0.0.0.0"),
        ({"ui_host": "0.0.0.0", "ui_published": "0.0.0.0"}, "PORTAL_UI_PUBLISHED=0.0.0.0"),
        ({"ui_host": "127.0.0.1", "ui_published": "192.0.2.1"}, "PORTAL_UI_PUBLISHED=192.0.2.1"),
    ],
)
def test_it_refuses_to_be_reached_from_elsewhere_without_an_owner(
    changes: dict[str, str], named: str
) -> None:
    with pytest.raises(SystemExit, match="portal user add NAME --role admin") as refusal:
        settings(**changes, public_url="https://jobs.example.org").checked_host(has_owner=False)

    assert str(refusal.value).startswith(f"{named} is refused")


def test_with_an_owner_it_is_reached_by_its_public_url_alone() -> None:
    with pytest.raises(SystemExit, match="PORTAL_PUBLIC_URL=https://"):
        settings(ui_host="0.0.0.0").checked_host(has_owner=True)
    public = settings(ui_host="0.0.0.0", public_url="https://Jobs.example.org/")

    assert public.checked_host(has_owner=True) == "0.0.0.0"
    assert public.place.is_own("jobs.example.org")
    assert not public.place.is_own("jobs.example.org:8080")


@pytest.mark.parametrize(
    "url",
    ["http://jobs.example.org", "https://", "jobs.example.org", "https://a/b", "https://u@a", "https://a?b"],
)
def test_a_public_url_that_passwords_should_not_travel_to_is_refused(url: str) -> None:
    with pytest.raises(ValidationError, match=r"https://jobs\.example\.org"):
        settings(public_url=url)


def test_only_proxies_that_are_named_say_who_asked() -> None:
    place = settings(proxies="10.0.0.1, 10.0.0.2").place

    assert place.address("10.0.0.1", ["6.6.6.6, 9.9.9.9"]) == "9.9.9.9"
    assert place.address("10.0.0.1", ["9.9.9.9", "10.0.0.2"]) == "9.9.9.9"
    assert place.address("7.7.7.7", ["127.0.0.1"]) == "7.7.7.7"
    with pytest.raises(ValidationError, match="no IP address"):
        settings(proxies="proxy.example.org")


def test_the_zone_of_schedules_that_name_none_is_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    assert default_zone() == "Asia/Hong_Kong"
    monkeypatch.setenv("PORTAL_DEFAULT_ZONE", "Europe/Berlin")
    default_zone.cache_clear()
    try:
        assert default_zone() == settings().default_zone == "Europe/Berlin"
    finally:
        default_zone.cache_clear()


@pytest.mark.parametrize("name", ["HKT", "Mars/Olympus"])
def test_a_default_zone_that_is_none_is_refused_by_its_name(name: str) -> None:
    with pytest.raises(ValidationError, match=f"PORTAL_DEFAULT_ZONE: .*{name}"):
        settings(default_zone=name)
