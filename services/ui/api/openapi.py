"""The OpenAPI 3.1 document of the REST API.

What clients send is described by FastAPI, from what pydantic reads; what they are answered by msgspec, which
encodes it: `described.ANSWERS` says what that is of each route.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from msgspec.json import schema_components

from services.ui.api.described import ANSWERS, Answer, Problem
from services.ui.api.roles import ANYBODY, KEY, VIEWER

_ABOUT: Final = """Everything that the portal's pages do, for programs.

Lists are paged: ask again with `after` set to the `next` of the page before, until that is null.
Instants are UTC. Errors are problem documents (RFC 9457), with a sentence on what to do next.
Live changes come over the WebSocket `/api/v1/stream`.
"""
_REFERENCE: Final = "#/components/schemas/{name}"
_OF_FASTAPI: Final = ("HTTPValidationError", "ValidationError")
"""FastAPI's own errors; ours are problem documents."""
_ERRORS: Final[Mapping[str, str]] = {
    "401": "Nobody knows who asks: sign in, or send a token as `Authorization: Bearer ...`",
    "403": "Whoever asks may not do this: `detail` says which role it takes, and where",
    "404": "There is no such thing, or not any more",
    "409": "It is another one by now, or in use: `detail` says by what",
    "422": "Something of what was sent cannot be used: `field` says which, `detail` what to write",
    "default": "It could not be done: `detail` says why, and what to do next",
}
_PLAIN: Final[Mapping[Any, dict[str, Any]]] = {str: {"type": "string"}, bytes: {}}
_NO_NAME = re.compile(r"[^a-z0-9]+")


def describe(app: FastAPI) -> None:
    """Let the app's OpenAPI document say what its routes answer."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]  # the way that FastAPI offers


def operations(document: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each operation of an OpenAPI document after its method and path, as `ANSWERS` has them."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def _document(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(
        title=app.title, version=app.version, openapi_version="3.1.0", description=_ABOUT, routes=app.routes
    )
    shown = [one.shown for one in ANSWERS.values() if one.shown is not None and one.shown not in _PLAIN]
    schemas, components = schema_components(
        [*shown, Problem], ref_template=_REFERENCE, schema_hook=_of_any_value
    )
    of_bodies = document["components"]["schemas"]
    document["components"]["schemas"] = {
        **{name: schema for name, schema in of_bodies.items() if name not in _OF_FASTAPI},
        **components,
    }
    document["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    document["security"] = [{"token": []}]
    by_type = {**_PLAIN, **dict(zip(shown, schemas, strict=False))}
    for name, operation in operations(document):
        answer = ANSWERS[name]
        path = name.partition(" ")[2].removeprefix("/api/v1").strip("/")
        operation["operationId"] = _NO_NAME.sub("_", f"{name.partition(' ')[0]} {path}".lower()).strip("_")
        operation["tags"] = [path.partition("/")[0]]
        operation["summary"] = _summary(operation)
        if operation[KEY] == ANYBODY[KEY]:
            operation["security"] = []
        refused = [status for status in _ERRORS if _can_be(status, name, operation)]
        operation["responses"] = {
            **_told(answer, by_type.get(answer.shown)),
            **{status: _error(_ERRORS[status]) for status in refused},
        }
    return document


def _summary(operation: Mapping[str, Any]) -> str:
    """Return the first sentence of what is said of it; of what says nothing, the name of its function."""
    said = operation.get("description", "").partition("\n")[0].partition(";")[0].partition(". ")[0]
    return str(said or operation["summary"]).rstrip(".")


def _can_be(status: str, name: str, operation: Mapping[str, Any]) -> bool:
    match status:
        case "401":
            return bool(operation[KEY] != ANYBODY[KEY])
        case "403":
            return operation[KEY] not in {ANYBODY[KEY], VIEWER[KEY]}
        case "404":
            return "{" in name
        case "409":
            return not name.startswith("GET ")
        case "422":
            return "422" in operation["responses"]
        case _:
            return True


def _told(answer: Answer, schema: dict[str, Any] | None) -> dict[str, Any]:
    told: dict[str, Any] = {"description": "Done"}
    if schema is not None:
        told["content"] = {answer.media_type: {"schema": schema}}
    return {str(status): told for status in (answer.status, answer.also) if status is not None}


def _error(description: str) -> dict[str, Any]:
    schema = {"$ref": _REFERENCE.format(name=Problem.__name__)}
    return {"description": description, "content": {"application/problem+json": {"schema": schema}}}


def _of_any_value(kind: type) -> dict[str, Any]:
    if kind is object:
        return {"description": "Any value of JSON"}
    raise NotImplementedError  # what msgspec wants to hear of a type that its hook does not know
