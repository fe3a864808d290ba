"""Rules about the tree that no single file can keep."""

import ast
import importlib.metadata
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted(path for folder in ("services", "shared") for path in (ROOT / folder).rglob("*.py"))
LOCKS = [ROOT / "requirements.lock", *sorted((ROOT / "deploy" / "requirements").glob("*.lock"))]
MAX_LINES = 400
MAX_FUNCTION_LINES = 50
ids = [str(path.relative_to(ROOT)) for path in MODULES]


@pytest.mark.parametrize("path", MODULES, ids=ids)
def test_a_module_says_why_it_exists_and_is_small(path: Path) -> None:
    text = path.read_text("utf-8")
    tree = ast.parse(text)

    assert ast.get_docstring(tree)
    assert text.count("\n") <= MAX_LINES
    long = [
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno > MAX_FUNCTION_LINES
        and "migrations" not in path.parts
    ]
    assert long == []


def test_no_other_distribution_owns_our_import_names() -> None:
    owners = importlib.metadata.packages_distributions()

    assert [owners.get(name) for name in ("services", "shared", "scripts")] == [None, None, None]


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.name)
def test_a_lock_file_has_hashes_and_no_addresses(path: Path) -> None:
    text = path.read_text("utf-8")

    assert text.count("--hash=sha256:") > text.count("==") > 0
    assert re.findall(r"https?://|file:|--index-url|--find-links", text) == []


@pytest.mark.parametrize("service", ["executor", "scheduler", "ui"])
def test_an_image_installs_what_the_tests_ran_with(service: str) -> None:
    installed = _pinned(ROOT / "deploy" / "requirements" / f"{service}.lock")

    assert installed
    assert installed <= _pinned(ROOT / "requirements.lock")


def test_the_executor_installs_no_database_and_no_web_stack() -> None:
    installed = {name for name, _ in _pinned(ROOT / "deploy" / "requirements" / "executor.lock")}

    assert "aio-pika" in installed
    assert installed & {"sqlalchemy", "alembic", "asyncpg", "aiosqlite", "nicegui", "fastapi"} == set()


def _pinned(lock: Path) -> set[tuple[str, str]]:
    return set(re.findall(r"^([a-z0-9-]+)==(\S+)", lock.read_text("utf-8"), re.MULTILINE))


@pytest.mark.parametrize(
    ("module", "forbidden"),
    [
        ("services.executor.app", {"sqlalchemy", "alembic", "fastapi", "nicegui", "shared.db"}),
        ("services.scheduler.app", {"fastapi", "nicegui"}),
    ],
)
def test_a_service_loads_only_its_own_libraries(module: str, forbidden: set[str]) -> None:
    code = f"import sys, {module}; print(*sys.modules)"

    loaded = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert set(loaded.stdout.split()) & forbidden == set()


def test_job_scripts_import_nothing_of_ours() -> None:
    imports = [
        path.name
        for path in (ROOT / "scripts").rglob("*.py")
        if re.search(r"^\s*(from|import)\s+(services|shared)\b", path.read_text("utf-8"), re.MULTILINE)
    ]

    assert imports == []
