"""Parameters: what may be declared, what a run may be given, and what is said of the rest."""

from typing import Any

import pytest

from shared.domain.errors import InvalidInput
from shared.domain.parameters import (
    MAX_PARAMETERS,
    Parameter,
    checked_parameters,
    checked_values,
    defaults_of,
    parameters_from_json,
    parameters_to_json,
    text_of,
)

EVERY_KIND: list[dict[str, Any]] = [
    {"name": "note", "kind": "text", "label": "Note", "help": "For the log", "default": "none"},
    {"name": "rows", "kind": "number", "minimum": 1, "maximum": 10.5, "required": True, "default": 3},
    {"name": "site", "kind": "choice", "choices": ["north", "south"], "default": "south"},
    {"name": "day", "kind": "date"},
    {"name": "dry", "kind": "flag", "default": True},
    {"name": "token", "kind": "secret"},
]


def declared(*items: dict[str, Any], starts_by_itself: bool = False) -> tuple[Parameter, ...]:
    return checked_parameters(parameters_from_json(items), starts_by_itself=starts_by_itself)


def refusal(*items: Any, **options: Any) -> InvalidInput:
    with pytest.raises(InvalidInput) as refused:
        declared(*items, **options)
    return refused.value


def test_what_is_declared_comes_back_as_it_was_stored() -> None:
    parameters = declared(*EVERY_KIND)

    assert parameters_from_json(parameters_to_json(parameters)) == parameters
    assert [one.variable for one in parameters][:2] == ["PORTAL_PARAM_NOTE", "PORTAL_PARAM_ROWS"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": "Rows"}, "name"), ({"name": ""}, "name"), ({"name": "r" * 41}, "name"),
        ({"name": 7}, "name"),
        ({"kind": "colour"}, "kind"), ({"kind": None}, "kind"), ({"kind": []}, "kind"),
        ({"invented": 1}, "invented"),
        ({"label": "x" * 401}, "label"), ({"help": "a\x00b"}, "help"),
        ({"minimum": "1"}, "minimum"), ({"minimum": True}, "minimum"), ({"maximum": float("nan")}, "maximum"),
        ({"minimum": 5, "maximum": 4}, "maximum"), ({"maximum": float("inf")}, "maximum"),
        ({"kind": "text", "minimum": 1}, "minimum"), ({"choices": ["a"]}, "choices"),
        ({"kind": "choice"}, "choices"), ({"kind": "choice", "choices": ["a", "a"]}, "choices"),
        ({"kind": "choice", "choices": [1]}, "choices"),
        ({"kind": "choice", "choices": ["a", ""]}, "choices"),
        ({"default": "3"}, "default"), ({"default": 11, "maximum": 10}, "default"),
        ({"kind": "date", "default": "tomorrow"}, "default"), ({"kind": "secret", "default": "x"}, "default"),
        ({"kind": "flag", "default": "yes"}, "default"),
    ],
)  # fmt: skip
def test_what_cannot_be_declared_is_refused_at_its_place(change: dict[str, Any], field: str) -> None:
    refused = refusal(EVERY_KIND[0], {"name": "rows", "kind": "number", **change})

    assert refused.field == f"parameters.1.{field}"


def test_too_many_twice_the_same_name_and_no_object_are_refused() -> None:
    many = [{"name": f"p{number}", "kind": "text"} for number in range(MAX_PARAMETERS + 1)]

    assert refusal(*many).field == "parameters"
    assert refusal(EVERY_KIND[0], EVERY_KIND[0]).field == "parameters.1.name"
    assert refusal("text").field == "parameters"


@pytest.mark.parametrize("kind", ["text", "secret"])
def test_a_job_that_starts_by_itself_cannot_require_what_nobody_is_asked_for(kind: str) -> None:
    required = {"name": "who", "kind": kind, "required": True}

    assert refusal(required, starts_by_itself=True).field == "parameters.0.required"
    assert declared(required)
    assert declared(
        {"name": "who", "kind": "text", "required": True, "default": "ann"}, starts_by_itself=True
    )
    assert declared({"name": "who", "kind": kind}, starts_by_itself=True)


def test_a_run_is_given_what_was_typed_and_otherwise_defaults() -> None:
    parameters = declared(*EVERY_KIND)

    typed = checked_values(
        parameters, {"rows": 4.0, "day": "2028-02-29", "dry": False, "token": "x", "note": ""}
    )

    assert typed == {
        "note": "none",
        "rows": 4,
        "site": "south",
        "day": "2028-02-29",
        "dry": False,
        "token": "x",
    }
    assert [text_of(value) for value in typed.values()] == ["none", "4", "south", "2028-02-29", "false", "x"]
    assert checked_values(parameters, {}) == defaults_of(parameters)
    assert defaults_of(parameters) == {"note": "none", "rows": 3, "site": "south", "dry": True}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("note", 7), ("note", "sentinel\x00"), ("note", "sentinel" * 9_000), ("note", ["sentinel"]),
        ("rows", "4"), ("rows", 0), ("rows", 11), ("rows", True), ("rows", float("nan")), ("rows", 10**400),
        ("site", "sentinel"), ("site", ["south"]), ("day", "2027-02-29"), ("day", "20270228"), ("day", 5),
        ("dry", "false"), ("dry", 1), ("token", 5), ("token", "sentinel\x00"), ("sentinel"[:3], 1),
    ],
)  # fmt: skip
def test_a_value_that_is_not_of_its_kind_is_refused_without_being_quoted(name: str, value: object) -> None:
    with pytest.raises(InvalidInput) as refused:
        checked_values(declared(*EVERY_KIND), {name: value})

    assert refused.value.field == f"parameters.{name}"
    assert "sentinel" not in refused.value.message


def test_what_is_required_has_to_be_given() -> None:
    parameters = declared({"name": "who", "kind": "text", "label": "For whom", "required": True})

    for given in ({}, {"who": ""}, {"who": None}):
        with pytest.raises(InvalidInput, match="For whom: give a value") as refused:
            checked_values(parameters, given)
        assert refused.value.field == "parameters.who"
