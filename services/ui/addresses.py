"""Where alerts may be sent: addresses that are checked, kept sealed, and shown without what is secret.

Services are Apprise's, by its URLs (github.com/caronc/apprise/wiki). Not all of them: those that speak to
this machine itself (its desktop, its log, its USB ports), those that read key files, and those that need more
than HTTP or SMTP are not in the list; nor may an address name a file. An address still chooses the host that
is spoken to, so only who administers the portal may store one.
"""

import json
import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parseaddr
from secrets import token_bytes
from typing import Final
from urllib.parse import quote, unquote, urlencode, urlsplit

from shared.domain.alert import ChannelKind
from shared.domain.errors import InvalidInput

MAX_ADDRESS = 4_000
MAIL_SCHEMES: Final = frozenset({"mailto", "mailtos"})
_SERVICES = """
    46elks apprise apprises atalk awswhatsapp azure bark barks betterstack bluesky brevo bsky bulksms
    bulkvs burstsms chanify clickatell clicksend cliq cm d7sms dapnet dingtalk discord dot eight00com elks
    emby embys enigma2 enigma2s evolution evolutions exotel feishu firehydrant flock flowtriq flowtriqs
    fluxer fluxers form forms freemobile gchat github goalert goalerts gorush gorushs gotify gotifys
    groupme guilded gupshup hassio hassios httpsms humhub humhubs ifttt ilert incidentio infobip jellyfin
    jellyfins jira join json jsons kakao kakaotalk kaleyra kavenegar klr kodi kodis kook kudosity kumulos
    lametric lametrics lark lfg line mailersend mailgun mastodon mastodons matrix matrixs misskey misskeys
    mmost mmosts mobilemessage mobilemsg msg91 msgbird ncloud nclouds nctalk nctalks nexmo notica noticas
    notifiarr notifico notificos notifyre ntfy ntfys o365 octopush onebot onebots onesignal opsgenie
    opsimate opsimates pagerduty pagertree parsep parseps pbul pinglet pinglets pingram pjet pjets plivo
    postmark pover prowl psafer psafers push pushdeer pushdeers pushed pushme pushplus pushward pushy qq
    reddit resend revolt ringc rocket rockets ryver schan sendgrid sendpulse serwersms ses seven sfr
    signal signalgrid signals signl4 simplepush sinch slack smseagle smseagles smsmanager smsmgr smtp2go
    sns sparkpost spike splunk spugpush squadcast stackfield strmlabs synology synologys telesign telnyx
    tgram threema toot toots twilio twist viber victorops voipms vonage webex wecom wecombot whapi
    whatsapp workflow workflows wpush wxpusher wxteams xbmc xbmcs xmatters xml xmls youlmk zalo zcliq
    zohocliq zoom zulip
"""
SERVICES: Final = frozenset(_SERVICES.split())
"""What an address may begin with, besides the two of e-mail: what was tried speaks HTTP and opens no file."""
OF_FILES: Final = frozenset(
    {"attach", "attach-as", "attachment", "keyfile", "store", "subfile", "template"}
    | {"pgp", "pgpkey", "pgpprv", "pgppub"}
)
"""Parameters of addresses that name files, or have some made."""
OURS: Final = frozenset({"rto", "cto", "retry", "wait", "format", "overflow"})
"""Parameters that are not the address's to choose: how long we wait, above all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A checked address."""

    kind: ChannelKind
    address: str
    """What is sealed."""
    shown: str
    """What people may see of it again."""
    secret: str = ""
    """Of a webhook, shown once: what its receiver checks signatures with."""


def service(url: str) -> Place:
    """Return the place of an Apprise URL.

    Raises:
        InvalidInput: on field `address`; its words hold nothing of the address but what it begins with.
    """
    url = _plain(url)
    scheme, separator, _rest = url.partition("://")
    scheme = scheme.lower()
    if not separator or not re.fullmatch(r"[a-z0-9_]{1,30}", scheme):
        raise InvalidInput(
            "address", "It is no address of a service. One begins with its name, such as slack://."
        )
    if scheme in {"http", "https"}:
        raise InvalidInput("address", "For an address that begins with http choose Webhook, or json:// here.")
    if scheme not in SERVICES | MAIL_SCHEMES:
        raise InvalidInput("address", f"Alerts cannot be sent to {scheme}://. Choose another service.")
    names = _parameters(url)
    for refused, why in ((OF_FILES, "it would name a file"), (OURS, "the portal decides that itself")):
        if found := sorted(names & refused):
            raise InvalidInput("address", f"Leave {found[0]}= out of the address: {why}.")
    kind = ChannelKind.MAIL if scheme in MAIL_SCHEMES else ChannelKind.APPRISE
    return Place(kind=kind, address=url, shown=f"{scheme}://…")


def mail(fields: Mapping[str, str]) -> Place:
    """Return the place of an e-mail account: `host`, `port`, `user`, `password`, `sender`, `to`, `security`.

    Raises:
        InvalidInput: on the field that is wrong.
    """
    host, security = fields.get("host", "").strip(), fields.get("security", "starttls")
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:]{2,45}\]", host):
        raise InvalidInput("host", "Name the server that takes the mail, such as smtp.example.com.")
    if security not in {"starttls", "ssl", "insecure"}:
        raise InvalidInput("security", "Choose STARTTLS, TLS or none.")
    port = fields.get("port", "").strip() or {"starttls": "587", "ssl": "465", "insecure": "25"}[security]
    if not port.isascii() or not port.isdigit() or not 0 < int(port) < 65_536:  # noqa: PLR2004
        raise InvalidInput("port", "A port is a number from 1 to 65535.")
    sender = _mailbox("sender", fields.get("sender", ""))
    receivers = [_mailbox("to", one) for one in fields.get("to", "").split(",") if one.strip()]
    if not receivers:
        raise InvalidInput("to", "Say who is to get the mail.")
    user, password = fields.get("user", ""), fields.get("password", "")
    account = (
        f"{quote(_plain(user, 'user'), safe='')}:{quote(_plain(password, 'password'), safe='')}@"
        if user
        else ""
    )
    query = urlencode({"from": sender, "to": ",".join(receivers), "smtp": host, "mode": security})
    scheme = "mailto" if security == "insecure" else "mailtos"
    shown = f"{', '.join(receivers[:3])}{' and others' if receivers[3:] else ''}, by {host}"
    return Place(kind=ChannelKind.MAIL, address=f"{scheme}://{account}{host}:{port}?{query}", shown=shown)


def webhook(url: str) -> Place:
    """Return the place of a webhook, with a new secret that its messages are signed with.

    Raises:
        InvalidInput: on field `address`.
    """
    url = _plain(url)
    wrong = InvalidInput("address", "A webhook's address begins with https:// or http:// and names a host.")
    try:
        parts = urlsplit(url)
        is_url = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        raise wrong from None
    if not is_url:
        raise wrong
    secret = f"whsec_{b64encode(token_bytes(32)).decode()}"
    return Place(
        kind=ChannelKind.WEBHOOK,
        address=json.dumps({"url": url, "secret": secret}),
        shown=f"{parts.scheme}://{parts.hostname}/…",
        secret=secret,
    )


def _parameters(url: str) -> set[str]:
    """Return whatever somebody may take for the name of a parameter, however it is written."""
    clear = url
    for _ in range(3):
        clear = unquote(clear)
    return {name.lower() for name in re.findall(r"[?&;#]\W*([\w-]+)\s*=", f"{url} {clear}")}


def _plain(text: str, field: str = "address") -> str:
    text = text.strip() if field == "address" else text
    if not text.isprintable() or (field == "address" and not text):
        raise InvalidInput(field, "Type it in one line, without control characters.")
    if len(text) > MAX_ADDRESS:
        raise InvalidInput(field, f"At most {MAX_ADDRESS:,} characters fit.")
    return text


def _mailbox(field: str, text: str) -> str:
    text = _plain(text, field).strip()
    _, address = parseaddr(text)
    if address != text or not re.fullmatch(r"[^@\s,;:<>()\"\\]{1,64}@[^@\s,;:<>()\"\\]{1,190}", address):
        raise InvalidInput(field, "Write an e-mail address, such as ops@example.com.")
    return address
