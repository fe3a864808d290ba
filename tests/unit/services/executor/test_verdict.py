import pytest

from services.executor.sandbox.process import Ended, StoppedBy
from services.executor.verdict import Asked, of_asked, verdict
from shared.domain.run import Reason, RunState


def judged(ended: Ended, asked: Asked | None = None) -> tuple[RunState, Reason | None]:
    state, reason, _ = verdict(ended, asked=asked, timeout_s=5)
    return state, reason


def test_exit_code_0_is_success_and_any_other_is_failure() -> None:
    assert judged(Ended(stopped_by=None, exit_code=0)) == (RunState.SUCCEEDED, None)
    assert judged(Ended(stopped_by=None, exit_code=1)) == (RunState.FAILED, None)


def test_a_signal_is_a_failure_and_named() -> None:
    state, _, detail = verdict(Ended(stopped_by=None, signal=11), asked=None, timeout_s=5)

    assert state is RunState.FAILED
    assert "SIGSEGV" in detail


def test_a_script_that_ends_by_itself_did_so_whatever_was_asked() -> None:
    ended = Ended(stopped_by=None, exit_code=0)

    assert judged(ended, Asked.CANCEL) == (RunState.SUCCEEDED, None)


def test_a_script_that_obeys_the_timeout_with_exit_code_0_is_still_timed_out() -> None:
    ended = Ended(stopped_by=StoppedBy.TIMEOUT, exit_code=0)

    assert judged(ended) == (RunState.TIMED_OUT, None)


@pytest.mark.parametrize(
    ("stopped_by", "asked", "expected"),
    [
        (StoppedBy.STOP, Asked.CANCEL, (RunState.CANCELLED, Reason.REQUESTED)),
        (StoppedBy.STOP, Asked.REVOKED, (RunState.LOST, Reason.REVOKED)),
        (StoppedBy.KILL, Asked.REVOKED, (RunState.LOST, Reason.REVOKED)),
        (StoppedBy.KILL, Asked.DISK, (RunState.FAILED, Reason.DISK)),
        (StoppedBy.LEASE, None, (RunState.LOST, Reason.SILENT)),
        (StoppedBy.GONE, None, (RunState.LOST, Reason.EXECUTOR_GONE)),
        (StoppedBy.MEMORY, None, (RunState.FAILED, Reason.MEMORY_LIMIT)),
        (StoppedBy.PROCESSES, None, (RunState.FAILED, Reason.PROCESS_LIMIT)),
        (StoppedBy.DISK, None, (RunState.FAILED, Reason.DISK_LIMIT)),
        (StoppedBy.CPU, None, (RunState.FAILED, Reason.CPU_LIMIT)),
    ],
)
def test_what_stopped_a_script_names_its_state(
    stopped_by: StoppedBy, asked: Asked | None, expected: tuple[RunState, Reason]
) -> None:
    assert judged(Ended(stopped_by=stopped_by, signal=9), asked) == expected


@pytest.mark.parametrize("asked", Asked)
def test_every_verdict_has_words_for_people(asked: Asked) -> None:
    assert of_asked(asked)[2].endswith(".")
