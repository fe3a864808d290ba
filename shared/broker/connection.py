"""Two robust connections a process, and what it takes to get and keep them."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

import aio_pika
import aiormq
import structlog
from aio_pika.abc import AbstractRobustChannel, AbstractRobustConnection
from tenacity import retry, retry_if_exception_type, wait_exponential_jitter
from yarl import URL

from shared.messages.topology import PERMISSIONS

log = structlog.get_logger()

CONNECTION_ERRORS = (OSError, aio_pika.exceptions.AMQPError, TimeoutError)
_CLOSE_S = 5
_CLOSE_CHANNEL_S = 2
_OPEN_S = 10
_HEARTBEAT_S = 10
"""A dead peer is noticed after (heartbeat + 1) * 3 seconds; the default of 60 would take minutes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Broker:
    """The connections of one process; both reconnect by themselves, every second."""

    publishing: AbstractRobustConnection
    consuming: AbstractRobustConnection

    @property
    def connected(self) -> bool:
        """Say whether both connections stand at this moment."""
        return self.publishing.connected.is_set() and self.consuming.connected.is_set()


@asynccontextmanager
async def connect(url: str, *, name: str) -> AsyncIterator[Broker]:
    """Connect, waiting as long as it takes for a broker that is not up yet.

    `name` is what the management console shows. A wrong password is no reason to wait: it raises
    `aio_pika.exceptions.ProbableAuthenticationError`. Closing is bounded: a broker that does not
    answer is left after 5 s.
    """
    publishing = await _connected(url, f"{name} (publishes)")
    try:
        consuming = await _connected(url, f"{name} (consumes)")
        try:
            yield Broker(publishing=publishing, consuming=consuming)
        finally:
            await _close(consuming)
    finally:
        await _close(publishing)


def is_to_be_tried_again(error: BaseException) -> bool:
    """Say whether an error may be gone at the next attempt, and whether there is to be one.

    A task that is cancelled in the middle of a question may be told by the library that it took too long;
    to ask again would swallow the cancellation.
    """
    task = asyncio.current_task()
    is_cancelled = task is not None and task.cancelling() > 0
    return isinstance(error, (*CONNECTION_ERRORS, RuntimeError)) and not is_cancelled


@retry(
    retry=retry_if_exception_type(CONNECTION_ERRORS),
    wait=wait_exponential_jitter(multiplier=0.1, max=1, jitter=0.1),
    before_sleep=lambda state: _say_waiting(state.attempt_number),
)
async def _connected(url: str, name: str) -> AbstractRobustConnection:
    query = {"heartbeat": str(_HEARTBEAT_S), "reconnect_interval": "1", "name": name}
    try:
        return await aio_pika.connect_robust(
            URL(url).update_query(query), timeout=10, client_properties={"connection_name": name}
        )
    except (
        aio_pika.exceptions.ProbableAuthenticationError,
        aio_pika.exceptions.AuthenticationError,
    ) as error:
        raise SystemExit(
            f"RabbitMQ refuses this user or password: {error}. Check PORTAL_AMQP_URL."
        ) from error
    except aiormq.exceptions.ConnectionNotAllowed as error:
        if "refused for user" not in str(error):
            raise
        raise _not_granted(error) from error


@contextmanager
def talking() -> Iterator[None]:
    """Wrap what waits for the broker's answer: a missing right and a lost connection become plain errors.

    aiormq may cancel whoever waits on a connection that goes; told as what it is, it can be tried again.

    Raises:
        SystemExit: the RabbitMQ user lacks a right, with what to grant: to try again would not mend that.
        ConnectionError: the wait was cancelled, and not by us.
    """
    try:
        yield
    except aiormq.exceptions.ChannelAccessRefused as error:
        raise _not_granted(error) from error
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        raise ConnectionError("the connection went while its answer was waited for") from error


async def opened(channel: AbstractRobustChannel, *, prefetch: int | None = None) -> None:
    """Open a channel for the first time; afterwards it is kept over reconnects.

    Raises:
        TimeoutError, ConnectionError, aio_pika.exceptions.AMQPError, RuntimeError: it is not open.
    """
    async with asyncio.timeout(_OPEN_S):
        with talking():
            await channel.initialize()
            if prefetch is not None:
                await channel.set_qos(prefetch_count=prefetch)


async def close_quietly(channel: aio_pika.abc.AbstractChannel) -> None:
    """Close a channel within 2 s; one that is gone already is closed enough."""
    try:
        async with asyncio.timeout(_CLOSE_CHANNEL_S):
            await channel.close()
    except (*CONNECTION_ERRORS, RuntimeError):
        return


def _not_granted(error: Exception) -> SystemExit:
    rights = "; ".join(
        f"set_permissions {name} '{granted.configure}' '{granted.write}' '{granted.read}'"
        for name, granted in PERMISSIONS.items()
    )
    return SystemExit(
        f"RabbitMQ refuses what this service has to do: {error}. Grant its user at least what its kind "
        f"needs, with rabbitmqctl: {rights}."
    )


def _say_waiting(attempt: int) -> None:
    if attempt == 1 or attempt % 30 == 0:
        log.warning("waiting for the broker", attempt=attempt)


async def _close(connection: AbstractRobustConnection) -> None:
    try:
        async with asyncio.timeout(_CLOSE_S):
            await connection.close()
    except CONNECTION_ERRORS as error:
        log.warning("connection did not close cleanly", error=repr(error))
