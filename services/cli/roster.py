"""Which programs make up one portal, and how each is started, probed and given time to stop."""

import sys
from collections.abc import Mapping
from pathlib import Path

from services.cli.environment import Settings
from services.cli.home import TREE
from services.cli.process import Program

DRAIN_ORDER = ("executor", "scheduler", "ui", "broker", "epmd")
"""Running scripts end and report to a scheduler that still answers; then the rest goes (docs/adr/0011)."""

DRAIN_BOUND_S = 330.0
"""How long an executor may finish its scripts: a job's default timeout, its kill grace and some more."""

_SERVICE_STOP_S = 20.0


def kind(name: str) -> str:
    """Return the kind of the program of this name: `executor` for `executor-2`."""
    return name.partition("-")[0]


def executor_names(count: int) -> tuple[str, ...]:
    """Return the names of `count` executors."""
    return tuple(f"executor-{number}" for number in range(1, count + 1))


def services(settings: Settings, health_ports: Mapping[str, int]) -> tuple[Program, ...]:
    """Return scheduler, executors and ui; `health_ports` has the scheduler's and each executor's."""
    executors = tuple(
        _program(
            name,
            module="services.executor",
            environment=settings.for_executor(name, port),
            port=port,
            drain_s=DRAIN_BOUND_S,
        )
        for name, port in health_ports.items()
        if kind(name) == "executor"
    )
    port = health_ports["scheduler"]
    scheduler = _program(
        "scheduler", module="services.scheduler", environment=settings.for_scheduler(port), port=port
    )
    ui = _program("ui", module="services.ui", environment=settings.for_ui(), port=settings.ui_port)
    return (scheduler, *executors, ui)


def _program(
    name: str, *, module: str, environment: Mapping[str, str], port: int, drain_s: float = _SERVICE_STOP_S
) -> Program:
    return Program(
        name=name,
        argv=(sys.executable, "-m", module),
        environment=environment,
        folder=TREE,
        probe=f"http://127.0.0.1:{port}/readyz",
        drain_s=drain_s,
    )


def migration(settings: Settings, output: Path) -> Program:
    """Return the program that brings the database up to date and ends."""
    return Program(
        name="migrate",
        argv=(sys.executable, "-m", "services.cli", "migrate"),
        environment=settings.for_migrate(),
        folder=TREE,
        probe="",
        drain_s=_SERVICE_STOP_S,
        output=output,
    )
