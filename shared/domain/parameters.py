"""Parameters of a job: what Run now asks for, of which kind, and what of it may be said.

A job declares them; each run has values of its own. Those of kind `secret` are never in a value here: they
are sealed where they are typed (`shared.runtime.vault`) and go another way.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, NoReturn, TypeGuard

from shared.domain.errors import InvalidInput

MAX_PARAMETERS = 30
MAX_TEXT_BYTES = 16_000
MAX_CHOICES = 200
MAX_WORDS = 400
_LARGEST = 2**53
NAMES = "A parameter's name has 1 to 40 lower-case letters, digits or _, and starts with a letter."

Value = str | int | float | bool
"""Of text, choice and date a str, of a number an int or float, of a flag a bool."""


class ParameterKind(StrEnum):
    """What a parameter takes."""

    TEXT = "text"
    NUMBER = "number"
    CHOICE = "choice"
    DATE = "date"
    FLAG = "flag"
    SECRET = "secret"  # noqa: S105 - a kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One parameter. Make them with `checked_parameters`."""

    name: str
    kind: ParameterKind
    label: str = ""
    """Empty: its name."""
    help: str = ""
    default: Value | None = None
    required: bool = False
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()

    @property
    def variable(self) -> str:
        """Return the environment variable that holds a run's value of it."""
        return variable_of(self.name)


def variable_of(name: str) -> str:
    """Return the environment variable of the parameter with this name."""
    return f"PORTAL_PARAM_{name.upper()}"


def text_of(value: Value) -> str:
    """Return the value as a script reads it in its variable: a flag is `true` or `false`."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def parameters_from_json(items: Sequence[Mapping[str, Any]] | None) -> tuple[Parameter, ...]:
    """Return what `parameters_to_json` wrote, or a client sent; its values are not judged yet.

    Raises:
        InvalidInput: on field `parameters`, where it is no list of parameters.
    """
    return tuple(_from_json(index, item) for index, item in enumerate(items or ()))


def parameters_to_json(parameters: Sequence[Parameter]) -> list[dict[str, Any]]:
    """Return the parameters as JSON, each with all of its fields."""
    return [
        {
            "name": one.name,
            "kind": str(one.kind),
            "label": one.label,
            "help": one.help,
            "default": one.default,
            "required": one.required,
            "minimum": one.minimum,
            "maximum": one.maximum,
            "choices": list(one.choices),
        }
        for one in parameters
    ]


def checked_parameters(parameters: Sequence[Parameter], *, starts_by_itself: bool) -> tuple[Parameter, ...]:
    """Return the parameters in normal form. `starts_by_itself`: the job has schedules, or runs after others.

    Such runs ask nobody: what they cannot do without has to have a default.

    Raises:
        InvalidInput: on field `parameters.<place>.<field>`, or `parameters`.
    """
    if len(parameters) > MAX_PARAMETERS:
        raise InvalidInput("parameters", f"At most {MAX_PARAMETERS} parameters fit. Take some out.")
    names = [one.name for one in parameters]
    for index, one in enumerate(parameters):
        _check(index, one)
        if one.name in names[:index]:
            _refuse(index, "name", f"Two parameters are called {one.name}. Rename one of them.")
        if starts_by_itself and one.required and one.default is None:
            _refuse(
                index,
                "required",
                f"Scheduled and chained runs ask nobody for {one.name}: give it a default, "
                "make it optional, or let the job run on demand only.",
            )
    return tuple(parameters)


def checked_values(parameters: Sequence[Parameter], given: Mapping[str, object]) -> dict[str, Value]:
    """Return a run's value of each parameter that has one: the given one, else the default.

    Values of kind secret are among them: take them out before anything is stored.

    Raises:
        InvalidInput: on field `parameters.<name>`; its words hold nothing of the value.
    """
    known = {one.name for one in parameters}
    for name in given:
        if name not in known:
            words = f"It takes {', '.join(sorted(known))}." if known else "It takes none."
            raise InvalidInput(f"parameters.{name[:40]}", f"This job has no such parameter. {words}")
    values = {}
    for one in parameters:
        value = given.get(one.name)
        if value is None or value == "":
            value = one.default
        if value is None:
            if one.required:
                raise InvalidInput(f"parameters.{one.name}", f"{one.label or one.name}: give a value.")
            continue
        problem = _problem_with(one, value)
        if problem:
            raise InvalidInput(f"parameters.{one.name}", f"{one.label or one.name}: {problem}")
        values[one.name] = _normal(one, value)
    return values


def defaults_of(parameters: Sequence[Parameter]) -> dict[str, Value]:
    """Return what a run is given that nobody was asked for."""
    return {one.name: one.default for one in parameters if one.default is not None}


def _from_json(index: int, item: object) -> Parameter:
    if not isinstance(item, Mapping):
        raise InvalidInput("parameters", "Each parameter is an object with name and kind.")
    if unknown := set(item) - set(Parameter.__dataclass_fields__):
        _refuse(index, min(unknown), "A parameter has no such field.")
    try:
        kind = ParameterKind(item.get("kind", ""))
    except ValueError:
        _refuse(index, "kind", f"Choose one of {', '.join(ParameterKind)}.")
    texts = {name: item.get(name) or "" for name in ("name", "label", "help")}
    choices = item.get("choices") or ()
    for field, value in (*texts.items(), *(("choices", one) for one in choices)):
        if not isinstance(value, str):
            _refuse(index, field, "This is to be text.")
    return Parameter(
        **{name: text.strip() for name, text in texts.items()},
        kind=kind,
        default=None if item.get("default") == "" else item.get("default"),
        required=item.get("required") is True,
        minimum=item.get("minimum"),
        maximum=item.get("maximum"),
        choices=tuple(choices),
    )


def _check(index: int, one: Parameter) -> None:
    if re.fullmatch(r"[a-z][a-z0-9_]{0,39}", one.name) is None:
        _refuse(index, "name", NAMES)
    for field, text in (("label", one.label), ("help", one.help)):
        if len(text) > MAX_WORDS or _problem_with_text(text):
            _refuse(index, field, f"At most {MAX_WORDS} characters of plain text fit.")
    _check_bounds(index, one)
    if one.kind is ParameterKind.CHOICE:
        _check_choices(index, one)
    elif one.choices:
        _refuse(index, "choices", "Only a choice has values to choose from.")
    if one.default is not None:
        _check_default(index, one, one.default)


def _check_default(index: int, one: Parameter, value: Value) -> None:
    if one.kind is ParameterKind.SECRET:
        _refuse(index, "default", "A secret has no default: everybody who sees the job would read it.")
    if problem := _problem_with(one, value):
        _refuse(index, "default", problem[0].upper() + problem[1:])


def _check_bounds(index: int, one: Parameter) -> None:
    for field, bound in (("minimum", one.minimum), ("maximum", one.maximum)):
        if bound is None:
            continue
        if one.kind is not ParameterKind.NUMBER:
            _refuse(index, field, "Only a number has a smallest and a largest value.")
        if not _is_number(bound):
            _refuse(index, field, "Type a number.")
    if one.minimum is not None and one.maximum is not None and one.minimum > one.maximum:
        _refuse(index, "maximum", "The largest value is smaller than the smallest one.")


def _check_choices(index: int, one: Parameter) -> None:
    if not 1 <= len(one.choices) <= MAX_CHOICES:
        _refuse(index, "choices", f"Give 1 to {MAX_CHOICES} values to choose from.")
    if len(set(one.choices)) < len(one.choices):
        _refuse(index, "choices", "A value is there twice.")
    if not all(one.choices) or any(_problem_with_text(text) for text in one.choices):
        _refuse(index, "choices", "A value is empty, too long, or no text that a program can receive.")


def _problem_with(one: Parameter, value: object) -> str:
    """Say what is wrong with a value, without quoting it; nothing: it can be given."""
    match one.kind:
        case ParameterKind.TEXT | ParameterKind.SECRET:
            return _problem_with_text(value) if isinstance(value, str) else "type text."
        case ParameterKind.NUMBER:
            return _problem_with_number(one, value)
        case ParameterKind.CHOICE:
            return "" if value in one.choices else "choose one of the values."
        case ParameterKind.DATE:
            return "" if isinstance(value, str) and _is_date(value) else "type a date such as 2026-12-31."
        case ParameterKind.FLAG:
            return "" if isinstance(value, bool) else "choose yes or no: true or false."


def _problem_with_text(text: str) -> str:
    if any(character == "\x00" or "\ud800" <= character <= "\udfff" for character in text):
        return "it holds NUL or half a character. Type it again."
    size = len(text.encode())
    return f"it has {size:,} bytes; at most {MAX_TEXT_BYTES:,} fit." if size > MAX_TEXT_BYTES else ""


def _problem_with_number(one: Parameter, value: object) -> str:
    if not _is_number(value):
        return "type a number."
    if one.minimum is not None and value < one.minimum:
        return f"the smallest value is {one.minimum:g}."
    if one.maximum is not None and value > one.maximum:
        return f"the largest value is {one.maximum:g}."
    return ""


def _is_number(value: object) -> TypeGuard[float]:
    # Beyond this, JSON's readers differ; infinity and what is no number are beyond, too.
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= _LARGEST


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _normal(one: Parameter, value: Any) -> Value:
    # JSON knows one kind of number: 3.0 was typed as 3.
    is_whole = one.kind is ParameterKind.NUMBER and isinstance(value, float) and value.is_integer()
    result: Value = int(value) if is_whole else value
    return result


def _refuse(index: int, field: str, words: str) -> NoReturn:
    raise InvalidInput(f"parameters.{index}.{field}", words)
