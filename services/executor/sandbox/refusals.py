"""Why a script could not be started, in words for people. Pure."""

import errno
import os

from services.executor.sandbox.command import Command, NotRunnable


def start_error(command: Command, number: int, what: str) -> Exception:
    """Return what is raised for an errno: an OSError for `what` "sandbox", else NotRunnable.

    Looks at nothing but its arguments.
    """
    text = os.strerror(number)
    if what == "sandbox":
        return OSError(number, f"its sandbox cannot be made: {text}")
    if what == "state":
        return NotRunnable(f"It cannot have its job's folder (PORTAL_STATE_DIR). {_of_state(number)}")
    if command.interpreter:
        # Whether it is missing or closed depends on the level: what is not listed is not there at isolated.
        return NotRunnable(
            f"{text}: the script's user cannot run {command.argv[0]}. Every user must be able to run it and "
            f"to pass the folders above it; or name another program in {command.interpreter}."
        )
    match number:
        case errno.ENOENT:
            text += ": the program in the script's #! line does not exist on this executor."
        case errno.ENOEXEC:
            text += ": the file is executable, but has no #! line and is no program."
        case errno.EACCES:
            text += ": the script's user may not run it. Check the modes of the file and of its folders."
        case _:
            text += ": the system did not start the script."
    return NotRunnable(text)


def _of_state(number: int) -> str:
    match number:
        case errno.EDQUOT:
            return (
                "There is more than twice as much in it as PORTAL_STATE_BYTES allows: remove files on the "
                "executor's disk, or allow more."
            )
        case errno.EPERM:
            return (
                "It was made by another user or for another level of the sandbox: move it away, or give the "
                "executors that share PORTAL_STATES_DIR the same user and level."
            )
        case errno.ETIMEDOUT:
            return "What another run of the job left is still being removed. Run it again later."
        case _:
            return (
                f"{os.strerror(number)}: the executor must be able to write to PORTAL_STATES_DIR, and every "
                "user to pass the folders above it. With PORTAL_STATE_BYTES=0 jobs keep no folder."
            )
