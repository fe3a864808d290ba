"""Starts the scheduler: `python -m services.scheduler`."""

import sys

from pydantic import ValidationError

from services.scheduler.app import serve
from services.scheduler.settings import SchedulerSettings
from shared.runtime import lifecycle, logs


def main() -> None:
    """Read the settings and run until SIGTERM or SIGINT; a second signal ends it at once."""
    try:
        settings = SchedulerSettings()
    except ValidationError as error:
        faults = (f"PORTAL_{str(fault['loc'][0]).upper()}: {fault['msg']}" for fault in error.errors())
        sys.exit("\n".join(faults))
    logs.configure("scheduler", settings.log_format)
    lifecycle.run(lambda stop: serve(settings, stop))


if __name__ == "__main__":
    main()
