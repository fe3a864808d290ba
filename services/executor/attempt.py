"""One attempt from its grant to its report: the file to read first."""

import asyncio
import contextlib
import errno
import math
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from services.executor.artifacts import Artifacts
from services.executor.claims import Claims
from services.executor.environments import Environment, Environments, NoEnvironment
from services.executor.identity import SOURCE, Identity
from services.executor.journal import Entry, Journal, Phase
from services.executor.opening import opened
from services.executor.output import Output
from services.executor.reporter import Reporter
from services.executor.sandbox.inline import Wanted
from services.executor.sandbox.level import NotRunnable, Order, Process, Sandbox, ScriptChanged, TooLate
from services.executor.sandbox.process import Ended
from services.executor.spool import Spools
from services.executor.verdict import Asked, Verdict, of_asked, verdict
from shared.domain.job import OnLost
from shared.domain.run import Reason, RunState
from shared.messages.answers import Grant
from shared.messages.envelope import AttemptRef
from shared.messages.events import RunFinished, RunStarted, Stream, Usage
from shared.runtime.clock import Clock
from shared.runtime.vault import Vault

log = structlog.get_logger()

_DISK_ERRORS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO})
_LEAST_POINTS = 3
"""Fewer are no curve."""
_OUTPUT_FIRST_S = 2.0
"""How long a report waits for the broker to take the output that belongs to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What every attempt works with."""

    identity: Identity
    clock: Clock
    journal: Journal
    spools: Spools
    reporter: Reporter
    claims: Claims
    sandbox: Sandbox
    environments: Environments
    vault: Vault


class Attempt:
    """A granted attempt. `run` it once; `stop`, `kill` and `extend` may come at any moment."""

    def __init__(self, grant: Grant, *, lease_until: float, means: Means) -> None:
        self.grant = grant
        self.ref = AttemptRef(grant.attempt_id, grant.token)
        self.has_ended = asyncio.Event()
        """Set when its script is gone, or will never start: its slot is free."""
        self._spawn_until = self._lease_until = lease_until
        self._means = means
        self._process: Process | None = None
        self._asked: Asked | None = None
        self._started_at: datetime | None = None
        self._script_sha256: str | None = None
        self._environment: Environment | None = None
        self._preparing: asyncio.Timeout | None = None
        self.may_start = True
        """Whether its script has not been started and still may be."""
        # In the clear from here to the end of the attempt.
        self._given = opened(grant, means.vault)
        self._output = Output(
            grant,
            executor=means.identity.name,
            spools=means.spools,
            clock=means.clock,
            on_disk_full=self._on_disk_full,
            secrets=self._given.values,
        )

    def stop(self) -> None:
        """End it gently, on a person's request."""
        self._asked = self._asked or Asked.CANCEL
        self._prepare_no_more()
        if self._process is not None:
            self._process.stop()

    def kill(self, why: Asked) -> None:
        """End it at once."""
        self._asked = why
        self._prepare_no_more()
        if self._process is not None:
            self._process.kill()

    def extend(self, lease_until: float) -> None:
        """Let it live until then; only attempts that may be started elsewhere have such an end."""
        self._lease_until = max(self._lease_until, lease_until)
        if self._process is not None and self.grant.on_lost is OnLost.RETRY:
            self._process.extend(self._lease_until)

    async def run(self) -> None:
        """Run it to its end and hand its report over; never raises for what a script does."""
        try:
            report = await self._to_the_end()
        except Exception as error:  # noqa: BLE001 - one run's trouble must not end the others: it is told
            report = await self._in_trouble(error)
        if report is not None:
            await self._finish(report)
        self.has_ended.set()
        if self._process is not None:
            await self._process.gone
        if self._environment is not None:
            self._means.environments.let_go(self._environment)

    async def _to_the_end(self) -> RunFinished | None:
        try:
            ready = await asyncio.to_thread(self._make_ready)
            order = await self._prepared(ready) if isinstance(ready, Wanted) else ready
        except ScriptChanged as error:
            self._script_sha256 = error.found.sha256
            return self._report((RunState.FAILED, Reason.SCRIPT_CHANGED, str(error)))
        except NotRunnable as error:
            return self._report((RunState.FAILED, Reason.START_ERROR, str(error)))
        except NoEnvironment as error:
            text = f"Its environment could not be made: {error}."
            return self._report((RunState.FAILED, Reason.ENVIRONMENT, text))
        self.may_start, self._script_sha256 = False, order.script_sha256
        # Asked after the disk had its say: what is decided here is what happens.
        if self._asked is not None:
            return self._report(of_asked(self._asked))
        if self._means.clock.monotonic() >= self._spawn_until:
            await self._release()
            return None
        return await self._watch(order)

    def _make_ready(self) -> Order | Wanted:
        """Do all that blocks before the spawn, in one thread's turn, unless the script asks for packages."""
        self._means.journal.write_now(self._entry(Phase.GRANTED))
        if self._given.problem:
            raise NotRunnable(self._given.problem)
        return self._means.sandbox.wanted(self.grant) or self._order()

    async def _prepared(self, wanted: Wanted) -> Order:
        """Make its environment, or find it made, unless it is asked to end; then do the rest."""
        try:
            async with asyncio.timeout(None) as self._preparing:
                if self._asked is None:
                    self._environment = await self._means.environments.obtain(wanted, self._output.note)
        except TimeoutError:
            pass  # nobody wants it any more
        finally:
            self._preparing = None
        # From here on no renewal says that it may still start: the newest lease is the last that counts.
        self.may_start, self._spawn_until = False, self._lease_until
        return await asyncio.to_thread(self._order)

    def _prepare_no_more(self) -> None:
        if self._preparing is not None and not self._preparing.expired():
            self._preparing.reschedule(asyncio.get_running_loop().time())

    def _order(self) -> Order:
        """Make the order; last the note that it may be spawned."""
        lease_until = self._lease_until if self.grant.on_lost is OnLost.RETRY else math.inf
        order = self._means.sandbox.prepare(
            self.grant,
            self._given,
            lease_until=lease_until,
            spawn_until=self._spawn_until,
            environment=self._environment.path if self._environment else None,
        )
        self._means.journal.write_now(self._entry(Phase.SPAWNING))
        return order

    async def _watch(self, order: Order) -> RunFinished | None:
        artifacts = Artifacts(self._output.keep_file, self._output.note)
        process = self._process = self._means.sandbox.start(order, self._output.take, artifacts.take)
        # A renewal may have been answered since the order was made.
        self.extend(self._lease_until)
        try:
            started = await process.started
        except TooLate:
            await self._all_of(process)
            await self._release()
            return None
        except NotRunnable as error:
            await self._all_of(process)
            text = f"scripts/{self.grant.script} could not be started. {error}"
            return self._report((RunState.FAILED, Reason.START_ERROR, text))
        clock = self._means.clock
        self._started_at = clock.now() - timedelta(seconds=clock.monotonic() - started.at)
        self._means.reporter.tell_started(self._started_event(self._started_at))
        ended = await self._all_of(process)
        judged = verdict(ended, asked=self._asked, timeout_s=self.grant.timeout_s, resources=order.resources)
        return self._report(judged, ended)

    async def _in_trouble(self, error: Exception) -> RunFinished:
        log.error("attempt in trouble", attempt_id=str(self.ref.attempt_id), exc_info=error)
        if self._process is not None:
            self._process.kill()
            await self._all_of(self._process)
        is_disk = isinstance(error, OSError) and error.errno in _DISK_ERRORS
        reason = Reason.DISK if is_disk else Reason.START_ERROR
        return self._report((RunState.FAILED, reason, f"The executor could not run it: {error}."))

    async def _all_of(self, process: Process) -> Ended:
        ended = await process.ended
        self._output.finish()
        return ended

    async def _finish(self, report: RunFinished) -> None:
        means = self._means
        delivered = means.spools.of(self.ref.attempt_id).delivered
        means.spools.complete(self.ref.attempt_id)
        means.reporter.take(report)
        try:
            await means.journal.write(self._entry(Phase.FINISHED, report))
        except OSError as error:
            # It is still sent, and again, for as long as this process lives.
            log.error("report not journaled", attempt_id=str(self.ref.attempt_id), error=str(error))  # noqa: TRY400
        self.has_ended.set()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_OUTPUT_FIRST_S):
                await delivered.wait()
        means.reporter.send(report)
        log.info(
            "run finished",
            job=self.grant.job_name,
            run=self.grant.run_number,
            run_id=str(report.run_id),
            state=report.state,
            exit_code=report.exit_code,
            took_ms=report.duration_ms,
        )

    async def _release(self) -> None:
        self._means.spools.complete(self.ref.attempt_id)
        reason = "no scheduler answered in time to start it"
        await self._means.claims.release(
            self.ref, boot=self.grant.boot, reason=reason, log_seq=self._output.last_seq
        )
        await self._means.journal.remove(self.ref.attempt_id)

    def _entry(self, phase: Phase, report: RunFinished | None = None) -> Entry:
        return Entry(phase=phase, grant=self.grant, at=self._means.clock.now(), report=report)

    def _on_disk_full(self, error: OSError) -> None:
        log.error("output not kept", attempt_id=str(self.ref.attempt_id), error=str(error))
        self.kill(Asked.DISK)

    @property
    def _prepared_ms(self) -> int | None:
        took_s = self._environment.made_in_s if self._environment else None
        return None if took_s is None else round(took_s * 1000)

    def _started_event(self, at: datetime) -> RunStarted:
        return RunStarted(
            source=SOURCE,
            time=at,
            run_id=self.grant.run_id,
            attempt_id=self.grant.attempt_id,
            token=self.grant.token,
            executor=self._means.identity.name,
            boot=self.grant.boot,
            started_at=at,
            sandbox=self._means.identity.sandbox,
            sandbox_features=self._means.identity.sandbox_features,
            script_sha256=self._script_sha256,
            prepared_ms=self._prepared_ms,
        )

    def _report(self, judged: Verdict, ended: Ended | None = None) -> RunFinished:
        state, reason, detail = judged
        now = self._means.clock.now()
        return RunFinished(
            source=SOURCE,
            time=now,
            run_id=self.grant.run_id,
            attempt_id=self.grant.attempt_id,
            token=self.grant.token,
            executor=self._means.identity.name,
            boot=self.grant.boot,
            state=state,
            reason=reason,
            detail=detail,
            exit_code=ended.exit_code if ended else None,
            signal=ended.signal if ended else None,
            started_at=self._started_at,
            finished_at=now,
            duration_ms=round(ended.duration_s * 1000) if ended else 0,
            cpu_ms=round(ended.cpu_s * 1000) if ended and ended.cpu_s is not None else None,
            peak_memory_bytes=ended.peak_memory_bytes if ended else None,
            usage=_usage(ended, self.grant) if ended else None,
            last_seq=self._output.last_seq,
            stdout_bytes=self._output.printed_bytes(Stream.STDOUT),
            stderr_bytes=self._output.printed_bytes(Stream.STDERR),
            dropped_bytes=sum(map(self._output.dropped_bytes, Stream)),
            stdout_dropped_bytes=self._output.dropped_bytes(Stream.STDOUT),
            stderr_dropped_bytes=self._output.dropped_bytes(Stream.STDERR),
            sandbox=self._means.identity.sandbox,
            sandbox_features=self._means.identity.sandbox_features,
            script_sha256=self._script_sha256,
            prepared_ms=self._prepared_ms,
        )


def _usage(ended: Ended, grant: Grant) -> Usage | None:
    step_ms, memory_kb, cpu_ms = ended.curve or (0, [], [])
    if len(memory_kb) < _LEAST_POINTS:
        return None
    return Usage(
        step_ms=step_ms,
        memory_kb=tuple(memory_kb),
        cpu_ms=tuple(cpu_ms),
        memory_limit_bytes=grant.resources.get("memory_bytes"),
    )
