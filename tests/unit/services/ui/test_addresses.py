"""Where alerts may be sent: hostile addresses are refused, and nothing secret is shown of the others."""

import re

import apprise
import pytest
from apprise.manager_plugins import NotificationManager

from services.ui.addresses import MAIL_SCHEMES, OF_FILES, SERVICES, mail, service, webhook
from services.ui.notifications.senders import signature, without
from shared.domain.alert import ChannelKind
from shared.domain.errors import InvalidInput

HOSTILE = [
    *("dbus://", "gnome://", "kde://", "glib://", "windows://", "macosx://", "syslog://", "rsyslog://host"),
    *("blink1://", "file:///etc/passwd", "fcm://project@key/?keyfile=/etc/passwd", "vapid://a/b"),
    *(
        "mqtt://host/topic",
        "amqp://host",
        "http://host",
        "https://host",
        "config://host",
        "memory://",
        "SYSLOG://",
    ),
    *("slack://T1/A1/x1/?template=/etc/passwd", "discord://id/token?TEMPLATE=/etc/passwd"),
    *("workflows://a/b/c/?template=file:///etc/shadow", "tgram://1:a/2?%74emplate=/etc/passwd"),
    *("mailtos://u:p@host?pgp=yes&pgpkey=/root/key", "ntfy://topic?attach=file:///etc/passwd"),
    *(
        "json://host/?rto=86400",
        "json://host/?+template=x",
        "json://host/\nx://",
        "",
        "slack",
        "://",
        "a b://",
    ),
    *("json://" + "x" * 4_000, "json://host/\x00"),
]


@pytest.mark.parametrize("address", HOSTILE)
def test_an_address_that_reaches_this_machine_or_its_files_is_refused(address: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        service(address)

    assert refused.value.field == "address"
    assert "passwd" not in refused.value.message


def test_each_service_in_the_list_is_known_and_takes_no_file_but_by_a_refused_name() -> None:
    """A release that brings another parameter of this kind is looked at before it is taken."""
    manager = NotificationManager()
    known = set(manager.schemas())
    looks_like_a_file = re.compile(r"file|template|attach|cert|path|pgp|store|subs", re.IGNORECASE)
    harmless = {"path", "profile", "filename", "file_url"}  # of an URL, of an account; passed on, not opened
    found = {
        (scheme, name)
        for scheme in SERVICES | MAIL_SCHEMES
        for name in manager[scheme].template_args
        if looks_like_a_file.search(name) and name not in OF_FILES | harmless
    }

    assert (SERVICES - known, MAIL_SCHEMES - known) == (set(), set())
    assert found == set()


def test_what_is_shown_of_an_address_holds_nothing_of_it() -> None:
    slack = service("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#general")
    hook = webhook("https://user:pass@hooks.example.com/services/T0/B0/xyz?token=abc")
    account = {"host": "smtp.example.com", "user": "ann@example.com", "password": "p@ss/?&#:w:"}
    post = mail({**account, "sender": "portal@example.com", "to": "ops@example.com"})

    assert (slack.kind, slack.shown) == (ChannelKind.APPRISE, "slack://…")
    assert (hook.kind, hook.shown) == (ChannelKind.WEBHOOK, "https://hooks.example.com/…")
    assert (post.kind, post.shown) == (ChannelKind.MAIL, "ops@example.com, by smtp.example.com")
    (sender,) = apprise.Apprise([post.address])
    assert (sender.user, sender.password, sender.smtp_host) == (
        account["user"], account["password"], account["host"],
    )  # fmt: skip
    said = "https://hooks.example.com/services answered abcd to /TIiajkdnlazkcOXrIdevi7FQ/%23general"
    assert "TIiajkdnlazkcOXrIdevi7FQ" not in without(said, slack.address)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(
            ("host", "a/b"),
            ("host", ""),
            ("host", "x?smtp=y"),
            ("port", "0"),
            ("port", "٢٥"),
            ("port", "70000"),
        ),
        *(("to", ""), ("to", "ann"), ("to", "ann@example.com\nBcc: x@y.z"), ("sender", "a b@c")),
        *(("security", "tls"), ("user", "a\rb"), ("password", "a\x00b")),
    ],
)
def test_what_is_no_account_says_where(field: str, value: str) -> None:
    good = {"host": "mail", "user": "u", "password": "p", "sender": "a@b.c", "to": "d@e.f"}

    with pytest.raises(InvalidInput) as refused:
        mail({**good, field: value})

    assert refused.value.field == field


@pytest.mark.parametrize(
    "address", ["", "ftp://host", "https://", "https://[::1", "http://host:99999/", "host"]
)
def test_what_is_no_webhook_is_refused(address: str) -> None:
    with pytest.raises(InvalidInput):
        webhook(address)


def test_a_webhook_is_signed_as_standard_webhooks_says() -> None:
    # The example of the specification's reference libraries.
    body = b'{"test": 2432232314}'
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

    assert signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", body) == (
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    )
