"""Writes `docs/messages.md` from the code: `python -m tests.contract.page`; a test sees that it is fresh."""

import ast
import inspect
import json
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import msgspec

from shared.messages import answers, commands, envelope, events
from shared.messages.codec import MAX_BODY, TYPES
from shared.messages.topology import COMMON, EXCHANGE_KINDS, POLICIES, due_queues, live_queue

PAGE = Path(__file__).parents[2] / "docs" / "messages.md"
_GOLDEN = Path(__file__).parent / "golden"


def page() -> str:
    """Return the page as it should be."""
    parts = [
        _HEAD,
        *_queues(),
        *(line for module, title in _MODULES for line in _chapter(module, title)),
        *_chapter_of_parts(),
    ]
    return "\n".join(parts) + "\n"


def _queues() -> Iterator[str]:
    yield "## Queues\n"
    yield "| queue | fed by | kind | with the keys | policy |"
    yield "|---|---|---|---|---|"
    for queue in (*due_queues("<pool>", "isolated"), *COMMON, live_queue("<replica>")):
        definitions = [policy.definition for policy in POLICIES if re.search(policy.pattern, queue.name)]
        behaviour = [*definitions, *([queue.arguments] if queue.arguments else [])]
        rules = ", ".join(f"`{name}: {value}`" for one in behaviour for name, value in one.items())
        keys = ", ".join(f"`{key}`" for key in queue.keys if key)
        yield (
            f"| `{queue.name}` | `{queue.exchange}` | {EXCHANGE_KINDS[queue.exchange]} | {keys or 'all'} "
            f"| {rules or 'none'} |"
        )
    yield ""


def _chapter(module: ModuleType, title: str) -> Iterator[str]:
    yield f"## {title}\n"
    yield f"{inspect.getdoc(module)}\n"
    for kind, message in TYPES.items():
        if message.__module__ == module.__name__:
            yield f"### `{kind}`\n"
            yield from _struct(message)
            yield "```json"
            yield json.dumps(json.loads((_GOLDEN / f"{kind}.v1.json").read_text("utf-8")), indent=2)
            yield "```\n"


def _chapter_of_parts() -> Iterator[str]:
    yield "## What messages hold\n"
    for part in _PARTS:
        yield f"### {part.__name__}\n"
        yield from _struct(part)


def _struct(struct: type[msgspec.Struct]) -> Iterator[str]:
    yield f"{inspect.getdoc(struct)}\n"
    said = _field_words(struct)
    yield "| field | type | needed | |"
    yield "|---|---|---|---|"
    for name, annotation in _annotations(struct).items():
        field = next(one for one in msgspec.structs.fields(struct) if one.name == name)
        yield f"| `{name}` | `{annotation}` | {'yes' if field.required else 'no'} | {said.get(name, '')} |"
    yield ""


def _annotations(struct: type[msgspec.Struct]) -> dict[str, str]:
    """Return the fields as the source spells them, without those that every message has."""
    return {
        node.target.id: ast.unparse(node.annotation).replace("|", "or")
        for node in _body(struct)
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    }


def _field_words(struct: type[msgspec.Struct]) -> dict[str, str]:
    """Return what the source says below each field."""
    words: dict[str, str] = {}
    before: ast.stmt | None = None
    for node in _body(struct):
        if (
            isinstance(before, ast.AnnAssign)
            and isinstance(before.target, ast.Name)
            and isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Constant)
        ):
            words[before.target.id] = " ".join(str(node.value.value).split())
        before = node
    return words


def _body(struct: type[msgspec.Struct]) -> list[ast.stmt]:
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(struct))).body
    assert isinstance(definition, ast.ClassDef)
    return definition.body


_PARTS = (
    envelope.AttemptRef,
    answers.SignedGrant,
    answers.Grant,
    answers.SealedSecret,
    answers.Refusal,
    answers.AttemptStanding,
    events.Usage,
    events.FilePart,
)
_MODULES = ((commands, "Commands and requests"), (answers, "Answers"), (events, "Events"))
_HEAD = f"""# Messages

Generated from `shared/messages/` by `python -m tests.contract.page`; the examples are those that
`tests/contract/golden/` keeps of every message that was ever released.

Every body is JSON of at most {MAX_BODY // 1024} KiB, with the fields `type`, `v` (1), `id` (UUIDv7, the same
when a publish is repeated), `source` (who says it) and `time` (when, RFC 3339). A new version only adds
fields that are not needed; a reader ignores those it does not know, and parks a message of a type that it
does not know. So schedulers, executors and portals of neighbouring versions understand one another.
"""

if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
