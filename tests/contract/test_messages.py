"""Every message that was ever released is still read, and still written in a form its readers know."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.errors import ForgedGrant, MalformedMessage, UnknownMessage
from shared.messages.answers import ClaimAnswer
from shared.messages.codec import MAX_BODY, TYPES, decode, encode, type_of
from shared.messages.events import RunOutput
from shared.messages.signing import verified
from tests.contract.page import PAGE, page

GOLDEN = sorted((Path(__file__).parent / "golden").glob("*.json"))
KEY = b"0123456789abcdef"


def golden(kind: str) -> dict[str, object]:
    return json.loads((Path(__file__).parent / "golden" / f"{kind}.v1.json").read_text("utf-8"))


def test_every_message_type_has_a_golden_file() -> None:
    assert {path.name.removesuffix(".v1.json") for path in GOLDEN} == set(TYPES)


def test_the_page_about_messages_is_fresh() -> None:
    assert PAGE.read_text("utf-8") == page(), "write it anew: python -m tests.contract.page"


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_a_released_message_is_read_and_written_without_loss(path: Path) -> None:
    released = json.loads(path.read_text("utf-8"))

    written = json.loads(encode(decode(json.dumps(released).encode())))

    assert {key: written[key] for key in released} == released


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_a_field_of_a_newer_version_is_ignored(path: Path) -> None:
    released = json.loads(path.read_text("utf-8"))

    message = decode(json.dumps({**released, "v": 2, "invented_later": [1, 2]}).encode())

    assert type_of(message) == released["type"]


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_each_required_field_is_missed(path: Path) -> None:
    released = json.loads(path.read_text("utf-8"))
    required = [
        field.encode_name
        for field in __import__("msgspec").structs.fields(TYPES[released["type"]])
        if field.required
    ]

    for name in required:
        with pytest.raises(MalformedMessage):
            decode(json.dumps({key: value for key, value in released.items() if key != name}).encode())


def test_a_type_of_a_newer_version_is_unknown_not_malformed() -> None:
    with pytest.raises(UnknownMessage, match=r"run\.paused"):
        decode(json.dumps({**golden("run.started"), "type": "run.paused"}).encode())


@given(st.binary(max_size=400))
def test_no_bytes_break_the_codec(body: bytes) -> None:
    with pytest.raises((MalformedMessage, UnknownMessage)):
        decode(body)


def test_a_naive_instant_is_malformed() -> None:
    with pytest.raises(MalformedMessage):
        decode(json.dumps({**golden("job.due"), "time": "2026-11-22T01:02:03"}).encode())


def test_deep_nesting_is_malformed() -> None:
    with pytest.raises(MalformedMessage):
        decode(b'{"type":"job.due","source":' + b"[" * 60_000 + b"]" * 60_000 + b"}")


def test_a_body_over_the_limit_is_neither_written_nor_read() -> None:
    output = decode(json.dumps(golden("run.output")).encode())
    assert isinstance(output, RunOutput)
    large = type(output)(
        **{name: getattr(output, name) for name in output.__struct_fields__} | {"text": "x" * MAX_BODY}
    )

    with pytest.raises(MalformedMessage, match="at most"):
        encode(large)
    with pytest.raises(MalformedMessage, match="at most"):
        decode(b" " * (MAX_BODY + 1))


def test_a_grant_is_verified_by_the_bytes_that_were_signed() -> None:
    answer = decode(json.dumps(golden("attempt.claim.answer"), separators=(",", ":")).encode())
    assert isinstance(answer, ClaimAnswer)

    grant = verified(answer.grants[0], KEY)

    assert grant.script == "reports/nightly.py"


@pytest.mark.parametrize("key", [b"", b"another key of some length", KEY + b"x"])
def test_a_grant_signed_with_another_key_is_refused(key: bytes) -> None:
    answer = decode(json.dumps(golden("attempt.claim.answer"), separators=(",", ":")).encode())
    assert isinstance(answer, ClaimAnswer)

    with pytest.raises(ForgedGrant):
        verified(answer.grants[0], key)


def test_a_grant_changed_on_the_way_is_refused() -> None:
    body = json.dumps(golden("attempt.claim.answer"), separators=(",", ":"))
    answer = decode(body.replace("reports/nightly.py", "reports/another.py").encode())
    assert isinstance(answer, ClaimAnswer)

    with pytest.raises(ForgedGrant, match="one grant key"):
        verified(answer.grants[0], KEY)
