"""Start an executor: `python -m services.executor`."""

import asyncio
import sys

from pydantic import SecretStr, ValidationError
from pydantic_settings import SettingsError

from services.executor import privileges
from services.executor.app import run, stand, take_place
from services.executor.settings import ExecutorSettings
from shared.runtime import lifecycle, logs


def main() -> None:
    """Read settings and secrets, become the user that they name, and run until told to stop."""
    privileges.hide()
    settings = _settings()
    logs.configure("executor", settings.log_format)
    with privileges.acting_as(*settings.executor_user or (0, 0)):
        place = take_place(settings)
    # Its spawner keeps the privileges that fences need, and nothing that is secret.
    footing = asyncio.run(stand(settings, place))
    if settings.executor_user is not None:
        privileges.become(*settings.executor_user)
        privileges.hide()
    lifecycle.run(lambda stop: run(settings, stop, footing=footing))


def _settings() -> ExecutorSettings:
    """Read all there is to read while we may.

    Raises:
        SystemExit: something is wrong with them, one line each.
    """
    try:
        settings = ExecutorSettings()
    except ValidationError as error:
        sys.exit("\n".join(_in_words(fault["loc"], fault["msg"]) for fault in error.errors()))
    except SettingsError as error:
        # A secret file that is somebody else's: the cause names it, the error itself only the field.
        sys.exit(
            f"cannot read the settings: {error.__cause__ or error}. Start the executor as the files' owner."
        )
    settings.signing_key = SecretStr(settings.grant_key().decode("ascii"))
    _ = settings.vault  # its keys are read now, while we may
    return settings


def _in_words(place: tuple[int | str, ...], problem: str) -> str:
    problem = problem.removeprefix("Value error, ")
    return f"PORTAL_{str(place[0]).upper()}: {problem}" if place else problem


if __name__ == "__main__":
    main()
