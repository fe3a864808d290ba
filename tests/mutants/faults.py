"""The small faults that are put into a module, one at a time."""

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.Div: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
_OPPOSITES = {"min": "max", "max": "min", "startswith": "endswith", "endswith": "startswith"}
# A decorator keeps or wraps, an annotation is judged by mypy, and an assertion only informs mypy.
_UNTOUCHED = {"annotation", "returns", "decorator_list"}


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """One fault, ready to be put into its tree; `name` stays when lines move."""

    name: str
    line: int
    holder: ast.AST
    field: str
    index: int | None
    fault: ast.AST

    def put_in(self) -> None:
        """Change the tree to which this mutant belongs, for good."""
        if self.index is None:
            setattr(self.holder, self.field, self.fault)
        else:
            getattr(self.holder, self.field)[self.index] = self.fault


@dataclass(frozen=True)
class Place:
    """Where a node hangs in its tree."""

    holder: ast.AST
    field: str
    index: int | None
    node: Any
    inside: str
    """The qualified name of the function or class around it."""


def mutants(tree: ast.Module, module: str) -> list[Mutant]:
    """Return every fault for a module, in the order of its lines."""
    seen: Counter[str] = Counter()
    found = []
    for place in _places(tree, module):
        for fault in _faults(place):
            name = f"{place.inside}: {_text(place)} -> {_shown(fault)}"
            seen[name] += 1
            if seen[name] > 1:
                name += f" ({seen[name]})"
            line = getattr(place.node, "lineno", 0)
            found.append(
                Mutant(
                    name=name,
                    line=line,
                    holder=place.holder,
                    field=place.field,
                    index=place.index,
                    fault=fault,
                )
            )
    return found


def _places(holder: ast.AST, inside: str) -> Iterator[Place]:
    if isinstance(holder, ast.FunctionDef | ast.ClassDef):
        inside = f"{inside}.{holder.name}"
    for field, value in ast.iter_fields(holder):
        if field in _UNTOUCHED:
            continue
        many = isinstance(value, list)
        for index, node in enumerate(value if many else [value]):
            if isinstance(node, ast.AST) and not _is_silent(node):
                yield Place(holder, field, index if many else None, node, inside)
                yield from _places(node, inside)


def _is_silent(node: ast.AST) -> bool:
    """Say whether the node does nothing that a test could see: docstrings, assertions, the exports."""
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant) or ast.unparse(node).startswith("assert_never(")
    if isinstance(node, ast.Assign):
        return isinstance(node.targets[0], ast.Name) and node.targets[0].id == "__all__"
    return isinstance(node, ast.Assert)


def _faults(place: Place) -> Iterator[ast.AST]:  # noqa: C901 - a line for each kind of fault
    match place.node:
        case ast.Compare():
            yield from _compared(place.node)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            yield ast.BinOp(left, _OPERATORS[type(op)](), right)
        case ast.AugAssign(target=target, op=op, value=value) if type(op) in _OPERATORS:
            yield ast.AugAssign(target, _OPERATORS[type(op)](), value)
            yield ast.Assign([target], value)
        case ast.BoolOp(op=op, values=values):
            yield ast.BoolOp(ast.Or() if isinstance(op, ast.And) else ast.And(), values)
            yield from (_joined(op, [*values[:n], *values[n + 1 :]]) for n in range(len(values)))
        case ast.UnaryOp(op=ast.Not() | ast.USub(), operand=operand):
            yield operand
        case ast.Constant(value=value):
            yield from (ast.Constant(other) for other in _others(value))
        case ast.Call():
            yield from _called(place.node)
        case ast.Raise() | ast.Expr():
            yield ast.Pass()
        case _:
            pass
    if place.field in {"test", "ifs"} and not isinstance(place.holder, ast.While):
        yield from (ast.Constant(value=value) for value in (True, False))


def _compared(node: ast.Compare) -> Iterator[ast.AST]:
    for n, op in enumerate(node.ops):
        ops = [*node.ops]
        ops[n] = _COMPARISONS[type(op)]()
        yield ast.Compare(node.left, ops, node.comparators)


def _called(node: ast.Call) -> Iterator[ast.AST]:
    for n in range(len(node.keywords)):
        yield ast.Call(node.func, node.args, [*node.keywords[:n], *node.keywords[n + 1 :]])
    match node.func:
        case ast.Name(id=name) if name in _OPPOSITES:
            yield ast.Call(ast.Name(_OPPOSITES[name], ast.Load()), node.args, node.keywords)
        case ast.Attribute(value=value, attr=name) if name in _OPPOSITES:
            yield ast.Call(ast.Attribute(value, _OPPOSITES[name], ast.Load()), node.args, node.keywords)
        case _:
            pass


def _joined(op: ast.boolop, values: list[ast.expr]) -> ast.expr:
    return ast.BoolOp(op, values) if len(values) > 1 else values[0]


def _others(value: object) -> list[Any]:
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1, value - 1]
    return [f"?{value}"] if isinstance(value, str) else []


def _text(place: Place) -> str:
    """Return what is replaced, with what it stands in where it would say too little alone."""
    text = _shown(place.node)
    around = getattr(place.holder, "_fields", ()) and isinstance(place.holder, ast.expr | ast.keyword)
    if isinstance(place.node, ast.Constant) and around:
        return f"{text} in {_shown(place.holder)}"
    return text


def _shown(node: ast.AST) -> str:
    lines = ast.unparse(ast.fix_missing_locations(node)).splitlines()
    return lines[0].replace("`", "'")[:110]
