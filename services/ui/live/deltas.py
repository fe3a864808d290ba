"""Events as the browser sees them: the fields that a list's row takes over, under the same names."""

from datetime import timedelta

from shared.messages.events import ExecutorChanged, RunChanged


def run_delta(run: RunChanged, job_name: str) -> dict[str, object]:
    """Return what changed of a run; `duration_ms` is by the wall clock until the page is loaded again."""
    duration_ms = None
    if run.started_at is not None and run.finished_at is not None:
        duration_ms = max(0, (run.finished_at - run.started_at) // timedelta(milliseconds=1))
    return {
        "id": run.run_id,
        "number": run.run_number,
        "job_id": run.job_id,
        "job_name": job_name,
        "state": run.state,
        "reason": run.reason,
        "cause": run.cause,
        "attempt": run.attempt,
        "due_at": run.due_at,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
        "duration_ms": duration_ms,
        "executor": run.executor,
        "exit_code": run.exit_code,
        "signal": run.signal,
        "next_due_at": run.next_due_at,
    }


def executor_delta(executor: ExecutorChanged) -> dict[str, object]:
    """Return what changed of an executor; how busy it is stands in the ledger, which is newer than a beat."""
    return {
        "name": executor.executor,
        "online": executor.online,
        "draining": executor.draining,
        "slots": executor.slots,
        "last_seen_at": executor.last_seen_at,
    }
