"""Starts the scheduler: `python -m services.scheduler`."""

from services.scheduler.app import serve
from services.scheduler.settings import SchedulerSettings
from shared.runtime import lifecycle, logs


def main() -> None:
    """Read the settings and run until SIGTERM or SIGINT; a second signal ends it at once."""
    settings = SchedulerSettings()
    logs.configure("scheduler", settings.log_format)
    lifecycle.run(lambda stop: serve(settings, stop))


if __name__ == "__main__":
    main()
