import pytest
from pydantic import ValidationError

from services.ui.settings import UiSettings, default_zone


def settings(**changes: str) -> UiSettings:
    return UiSettings(amqp_url="amqp://unused", **changes)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_it_listens_on_loopback(host: str) -> None:
    assert settings(ui_host=host).checked_host() == host


def test_a_container_listens_everywhere_when_its_port_is_published_on_loopback() -> None:
    assert settings(ui_host="0.0.0.0", ui_published="127.0.0.1").checked_host() == "0.0.0.0"


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"ui_host": "0.0.0.0"}, "PORTAL_UI_HOST=0.0.0.0"),
        ({"ui_host": "0.0.0.0", "ui_published": "0.0.0.0"}, "PORTAL_UI_PUBLISHED=0.0.0.0"),
        ({"ui_host": "127.0.0.1", "ui_published": "192.0.2.1"}, "PORTAL_UI_PUBLISHED=192.0.2.1"),
    ],
)
def test_it_refuses_to_be_reached_from_elsewhere_without_sign_in(changes: dict[str, str], named: str) -> None:
    with pytest.raises(SystemExit, match="no sign-in yet") as refusal:
        settings(**changes).checked_host()

    assert str(refusal.value).startswith(f"{named} is refused")


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
