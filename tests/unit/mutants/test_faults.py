"""The small faults of the mutation tests, on modules of a few lines."""

import ast

import pytest

from tests.mutants.faults import mutants


@pytest.mark.parametrize(
    ("code", "faults"),
    [
        ("x = a < b <= c", ["a <= b <= c", "a < b < c"]),
        ("x = a in b", ["a not in b"]),
        ("x = a + b", ["a - b"]),
        ("x += a", ["x -= a", "x = a"]),
        ("x = a and b", ["a or b", "b", "a"]),
        ("x = not a", ["a"]),
        ("x = 5", ["6", "4"]),
        ("x = True", ["False"]),
        ("x = 'word'", ["'?word'"]),
        ("f(a, key=b)", ["pass", "f(a)"]),
        ("x = min(a, b)", ["max(a, b)"]),
        ("x = a.startswith(b)", ["a.endswith(b)"]),
        ("raise error", ["pass"]),
        ("if a:\n    f", ["True", "False", "pass"]),
        ("x = [a for a in b if c]", ["True", "False"]),
    ],
)
def test_a_fault_is_made_where_one_can_be(code: str, faults: list[str]) -> None:
    found = [mutant.name.partition(" -> ")[2] for mutant in mutants(ast.parse(code), "module")]

    assert found == faults


@pytest.mark.parametrize(
    "code",
    [
        '"""A docstring: 5."""',
        "assert a < 5",
        "assert_never(5)",
        "__all__ = ['a']",
        "@cache(5)\ndef f(a: B[5]) -> C[5]:\n    return a",
    ],
)
def test_what_no_test_could_notice_is_left_alone(code: str) -> None:
    assert mutants(ast.parse(code), "module") == []


def test_a_fault_is_put_into_its_tree() -> None:
    tree = ast.parse("def f(a, b):\n    return a < b")
    [mutant] = mutants(tree, "module")

    mutant.put_in()

    assert (mutant.name, mutant.line) == ("module.f: a < b -> a <= b", 2)
    assert ast.unparse(tree) == "def f(a, b):\n    return a <= b"


def test_faults_of_one_look_have_names_of_their_own() -> None:
    names = [mutant.name for mutant in mutants(ast.parse("x = a < b\ny = a < b"), "module")]

    assert names == ["module: a < b -> a <= b", "module: a < b -> a <= b (2)"]
