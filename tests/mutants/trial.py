"""One mutant's trial: the tests run against it in a forked process, which ends at the first that notices."""

import ast
import os
import resource
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType

import pytest
from hypothesis import HealthCheck, settings

from tests.mutants.faults import Mutant

NEAREST_CPU_S, CPU_S = 4, 15
"""Processor time after which a mutant counts as noticed, for it hangs: in the nearest tests, and in all.

Without a fault the nearest take half a second of it, all of them 3 to 5.
"""
_MEMORY = 2 << 30
# A busy machine must not look like a noticed fault, nor luck like a test: the same examples for all, untimed.
settings.register_profile(
    "trial", deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("trial")
# No configuration and no plugins: these tests need none, and both take a second to load.
_ARGUMENTS = (
    *("-x", "-q", "--noconftest", "--import-mode=importlib", "-c", os.devnull),
    *("-p", "no:cacheprovider", "-p", "no:logging", "-p", "no:doctest", "-p", "no:junitxml"),
)


@dataclass(frozen=True, kw_only=True)
class Target:
    """A module and the tests that must notice its faults, in the order in which they are asked."""

    module: str
    path: Path
    tests: Sequence[str]


def survives(target: Target, tree: ast.Module, mutant: Mutant | None) -> bool:
    """Return whether all tests pass with this fault; without a mutant, whether they pass at all.

    A process of its own for each, so that no cache and no module of another mutant is left; forked, so that
    pytest need not be loaded anew.
    """
    child = os.fork()
    if child == 0:
        os._exit(_tried(target, tree, mutant))
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) == pytest.ExitCode.OK


def _tried(target: Target, tree: ast.Module, mutant: Mutant | None) -> int:
    signal.signal(signal.SIGXCPU, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CPU, (NEAREST_CPU_S, CPU_S + 1))
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (1, 2):
        os.dup2(nothing, stream)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    if mutant is not None:
        mutant.put_in()
        _plant(target, compile(ast.fix_missing_locations(tree), str(target.path), "exec"))
    # The nearest tests first and alone: they notice most, and collecting the others takes longer than that.
    nearest, *others = target.tests
    code = pytest.main([*_ARGUMENTS, nearest])
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S + 1))
    return code or (pytest.main([*_ARGUMENTS, *others]) if others else code)


def _plant(target: Target, code: CodeType) -> None:
    """Let the import of the target's module find the code of the mutant."""
    assert target.module not in sys.modules
    sound = SourceFileLoader.get_code

    def get_code(loader: SourceFileLoader, fullname: str) -> CodeType | None:
        return code if fullname == target.module else sound(loader, fullname)

    SourceFileLoader.get_code = get_code  # type: ignore[method-assign] # for the rest of this process
