import pytest

from services.ui.settings import UiSettings


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
