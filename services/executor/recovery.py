"""What a restarted executor owes for its earlier boots: dead keepers, then reports, then releases."""

import contextlib
import os
import select
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from services.executor.identity import SOURCE, Identity
from services.executor.journal import Entry, Journal, Phase
from services.executor.sandbox.fence import remove_tree
from services.executor.spool import Spools
from shared.domain.ids import AttemptId
from shared.domain.run import Reason, RunState
from shared.messages.answers import Grant
from shared.messages.events import RunFinished
from shared.runtime.clock import Clock

log = structlog.get_logger()

_PATIENCE_MS = 5_000
_DETAIL = "The executor stopped in the middle of the run."


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """What earlier boots left to be told. Reports and releases keep the boot they belong to."""

    reports: tuple[RunFinished, ...]
    releases: tuple[Grant, ...]
    said: Mapping[AttemptId, int] = field(default_factory=dict)
    """Of each of these the number of the last chunk of its log."""


def recover(journal: Journal, spools: Spools, *, identity: Identity, work_root: Path, clock: Clock) -> Owed:
    """Read the journal after `bury_keepers`; orphans are reported lost, in the journal too. Blocks."""
    spools.load()
    for folder in work_root.glob("*"):
        remove_tree(str(folder))
    reports, releases = [], []
    for entry in journal.read():
        if entry.phase is Phase.GRANTED:
            releases.append(entry.grant)
            continue
        report = entry.report
        if report is None:
            report = _lost(entry, spools, identity, clock)
            _note(journal, Entry(phase=Phase.FINISHED, grant=entry.grant, at=clock.now(), report=report))
        reports.append(report)
    said = {one.attempt_id: max(one.log_seq, spools.last_seq(one.attempt_id)) for one in releases}
    if reports or releases:
        log.warning("earlier boot left runs", reports=len(reports), releases=len(releases))
    return Owed(reports=tuple(reports), releases=tuple(releases), said=said)


def _note(journal: Journal, entry: Entry) -> None:
    try:
        journal.write_now(entry)
    except OSError as error:
        # Told all the same; another start before it is settled finds the orphan once more.
        log.error("report not journaled", attempt_id=str(entry.grant.attempt_id), error=str(error))  # noqa: TRY400


def bury_keepers(keeper: Path) -> None:
    """Wait until every keeper of this executor's earlier boots is dead, and with it its script.

    They are found by their command line, which names this executor's own locked folder: that finds
    those, too, that were started in the instant before the executor died, and no pid can have been
    reused. Each saw its executor die and is killing; one that was stopped is woken for it. Blocks for
    at most 5 s each; one that is still there then is killed, with a log line.

    In a container a name is taken over across process namespaces: there the keepers of a dead executor
    end with its container, and cannot be seen here.
    """
    for pid in _pids_of(keeper):
        with contextlib.suppress(ProcessLookupError):
            pidfd = os.pidfd_open(pid)
            try:
                with contextlib.suppress(
                    PermissionError
                ):  # a sibling's, of another user: it is running anyway
                    os.kill(pid, signal.SIGCONT)
                poll = select.poll()
                poll.register(pidfd, select.POLLIN)
                if not poll.poll(_PATIENCE_MS):
                    log.error("keeper did not end by itself", pid=pid)
                    with contextlib.suppress(PermissionError):
                        os.kill(pid, signal.SIGKILL)
            finally:
                os.close(pidfd)


def _pids_of(keeper: Path) -> list[int]:
    wanted = os.fsencode(keeper)
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):  # noqa: PTH208 - names, not paths
        with contextlib.suppress(OSError):
            is_keeper = wanted in Path("/proc", name, "cmdline").read_bytes().split(b"\0")
            if is_keeper and _is_in_our_namespace(name):
                found.append(int(name))
    return found


def _is_in_our_namespace(pid: str) -> bool:
    """Tell our keepers from those of a container, whose folder may have the same name and is another one."""
    status = Path("/proc", pid, "status").read_text("utf-8", "replace")
    # One number for each namespace that it has a pid in, from ours down to its own.
    return all(len(line.split()) == 2 for line in status.splitlines() if line.startswith("NSpid:"))  # noqa: PLR2004


def _lost(entry: Entry, spools: Spools, identity: Identity, clock: Clock) -> RunFinished:
    grant = entry.grant
    now = clock.now()
    return RunFinished(
        source=SOURCE,
        time=now,
        run_id=grant.run_id,
        attempt_id=grant.attempt_id,
        token=grant.token,
        executor=identity.name,
        boot=grant.boot,
        state=RunState.LOST,
        reason=Reason.EXECUTOR_GONE,
        detail=_DETAIL,
        started_at=entry.at,
        finished_at=now,
        last_seq=spools.last_seq(grant.attempt_id),
        sandbox=identity.sandbox,
        sandbox_features=identity.sandbox_features,
    )
