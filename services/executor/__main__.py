"""Start an executor: `python -m services.executor`."""

import sys

import structlog
from pydantic import ValidationError

from services.executor.app import run
from services.executor.settings import ExecutorSettings
from shared.runtime import lifecycle, logs


def main() -> None:
    """Read the settings and run until told to stop."""
    try:
        settings = ExecutorSettings()
    except ValidationError as error:
        lines = [
            f"PORTAL_{str(fault['loc'][-1]).upper() if fault['loc'] else '?'}: {fault['msg']}"
            for fault in error.errors()
        ]
        sys.exit("\n".join(lines))
    logs.configure("executor", settings.log_format)
    structlog.contextvars.bind_contextvars(executor=settings.executor_name)
    lifecycle.run(lambda stop: run(settings, stop))


def _in_words(place: tuple[int | str, ...], problem: str) -> str:
    return f"PORTAL_{'_'.join(map(str, place)).upper()}: {problem}"


if __name__ == "__main__":
    main()
