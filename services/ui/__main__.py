"""Starts the ui: `python -m services.ui`."""

from pydantic import ValidationError

from services.ui.app import serve
from services.ui.settings import UiSettings
from shared.runtime import lifecycle, logs


def main() -> None:
    """Read the settings and serve until SIGTERM or SIGINT; a second signal ends it at once."""
    try:
        settings = UiSettings()
    except ValidationError as error:
        raise SystemExit(
            "\n".join(f"PORTAL_{str(fault['loc'][-1]).upper()}: {fault['msg']}" for fault in error.errors())
        ) from error
    logs.configure("ui", settings.log_format)
    lifecycle.run(lambda stop: serve(settings, stop))


if __name__ == "__main__":
    main()
