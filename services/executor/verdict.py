"""What a script's end means for its run. Pure."""

import signal
from enum import StrEnum
from typing import assert_never

from services.executor.sandbox.process import Ended, StoppedBy
from shared.domain.resources import ANYTHING, Resources, in_bytes
from shared.domain.run import Reason, RunState

Verdict = tuple[RunState, Reason | None, str]
"""State, reason and words for people."""


class Asked(StrEnum):
    """Why this executor itself ended a script."""

    CANCEL = "cancel"
    REVOKED = "revoked"
    DISK = "disk"


def verdict(
    ended: Ended, *, asked: Asked | None, timeout_s: float, resources: Resources = ANYTHING
) -> Verdict:
    """Return what became of the run. A script that ended by itself did so, whatever was asked."""
    match ended.stopped_by:
        case None:
            return _own_end(ended)
        case StoppedBy.TIMEOUT:
            return RunState.TIMED_OUT, None, f"Stopped at its time limit of {timeout_s:g} s."
        case StoppedBy.STOP | StoppedBy.KILL:
            return of_asked(asked)
        case StoppedBy.LEASE:
            return (
                RunState.LOST,
                Reason.SILENT,
                "No scheduler answered for 15 s: stopped, so that it can run elsewhere.",
            )
        case StoppedBy.GONE:
            return RunState.LOST, Reason.EXECUTOR_GONE, "The run's keeper was killed: its end is not known."
        case StoppedBy.MEMORY | StoppedBy.PROCESSES | StoppedBy.DISK | StoppedBy.CPU | StoppedBy.STATE:
            reason, words = _over(ended.stopped_by, ended.used, resources)
            return RunState.FAILED, reason, words
        case _:
            assert_never(ended.stopped_by)


def of_asked(asked: Asked | None) -> Verdict:
    """Return what becomes of a run that the executor ended, or did not even start."""
    match asked:
        case Asked.CANCEL | None:
            return RunState.CANCELLED, Reason.REQUESTED, "Cancelled on request."
        case Asked.REVOKED:
            return RunState.LOST, Reason.REVOKED, "The scheduler had given the run up: stopped at once."
        case Asked.DISK:
            return RunState.FAILED, Reason.DISK, "The executor's disk is full: its output could not be kept."
        case _:
            assert_never(asked)


def _over(bound: StoppedBy, used: float, most: Resources) -> tuple[Reason, str]:
    if bound is StoppedBy.STATE:
        return Reason.DISK_LIMIT, _kept(used)
    match bound:
        case StoppedBy.MEMORY:
            reason, what, found = (
                Reason.MEMORY_LIMIT,
                f"{in_bytes(most.memory_bytes or 0)} of memory",
                in_bytes(round(used)),
            )
        case StoppedBy.DISK:
            reason, what, found = (
                Reason.DISK_LIMIT,
                f"{in_bytes(most.disk_bytes or 0)} of disk",
                in_bytes(round(used)),
            )
        case StoppedBy.CPU:
            reason, what, found = Reason.CPU_LIMIT, f"{most.cpu_s} s of processor time", f"{used:.1f} s"
        case _:
            reason, what, found = (
                Reason.PROCESS_LIMIT,
                f"{most.processes} processes and threads",
                f"{used:.0f}",
            )
    if used < 0:
        return reason, f"Left so many files that its {what} could not be counted in time: stopped."
    # The kernel stops a script before it has more: then there is nothing to add.
    return reason, f"Used more than its {what}" + (f": {found} when it was stopped." if used else ".")


def _kept(used: float) -> str:
    if used < 0:
        return "Its job keeps so many files in PORTAL_STATE_DIR that they could not be counted: stopped."
    return (
        f"Its job kept {in_bytes(round(used))} in PORTAL_STATE_DIR when it was stopped: more than before "
        "and than PORTAL_STATE_BYTES. Let the script remove what it does not need."
    )


def _own_end(ended: Ended) -> Verdict:
    if ended.signal == signal.SIGKILL and ended.starved:
        return (
            RunState.FAILED,
            None,
            "Killed by SIGKILL: the kernel had no memory left for this executor's runs.",
        )
    if ended.signal is not None:
        return RunState.FAILED, None, f"Killed by {_name(ended.signal)}."
    if ended.exit_code == 0:
        return RunState.SUCCEEDED, None, ""
    return RunState.FAILED, None, f"Exited with code {ended.exit_code}."


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
