"""The tests' broker: the portal's own private node, one per session, a fresh vhost per test.

It lives on an event loop in a thread of its own, so that one session-wide fixture serves sync tests
and async tests on any loop.
"""

import asyncio
import os
import threading
from collections.abc import Coroutine, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit
from uuid import uuid4

from services.cli.broker_definitions import of_vhost
from services.cli.broker_node import running_node
from services.cli.management import Management

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class LoopThread:
    """Runs coroutines to their end from sync code, also where the caller's own loop is running."""

    loop: asyncio.AbstractEventLoop

    def run(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result()


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionBroker:
    """The session's broker; `origin` says in the report's header which one that is."""

    origin: str
    management: Management
    address: str
    thread: LoopThread

    def fresh_vhost(self) -> str:
        """Make a vhost with what the portal needs and no message; return its AMQP address."""
        name = f"test-{uuid4().hex[:12]}"
        self.thread.run(self.management.make_vhost(name, of_vhost()))
        return self.address + name

    def drop_vhost(self, amqp_url: str) -> None:
        """Delete a vhost made here, with all that is in it."""
        self.thread.run(self.management.drop_vhost(urlsplit(amqp_url).path.removeprefix("/")))


@contextmanager
def session_broker(folder: Path) -> Iterator[SessionBroker]:
    """Give PORTAL_TEST_AMQP_URL's broker if that is set, else a private node in `folder`.

    The first needs PORTAL_TEST_MANAGEMENT_URL too (`http://host:port`, same user): vhosts are made there.
    """
    with _loop_thread() as thread:
        given = os.environ.get("PORTAL_TEST_AMQP_URL")
        if given is not None:
            yield _given_broker(given, thread)
            return
        with _private_node(folder, thread) as broker:
            yield broker


def _given_broker(amqp_url: str, thread: LoopThread) -> SessionBroker:
    parts = urlsplit(amqp_url)
    management = Management(
        url=os.environ["PORTAL_TEST_MANAGEMENT_URL"],
        user=parts.username or "guest",
        password=parts.password or "guest",
    )
    return SessionBroker(
        origin="PORTAL_TEST_AMQP_URL", management=management, address=f"amqp://{parts.netloc}/", thread=thread
    )


@contextmanager
def _private_node(folder: Path, thread: LoopThread) -> Iterator[SessionBroker]:
    stack = AsyncExitStack()
    node = thread.run(stack.enter_async_context(running_node(folder)))
    try:
        yield SessionBroker(
            origin="private node", management=node.management, address=node.amqp_url, thread=thread
        )
    finally:
        thread.run(node.kill())  # nothing is kept: an ordered stop would cost the session 6 s
        thread.run(stack.aclose())


@contextmanager
def _loop_thread() -> Iterator[LoopThread]:
    with asyncio.Runner() as runner:
        loop = runner.get_loop()
        thread = threading.Thread(target=loop.run_forever, name="broker node", daemon=True)
        thread.start()
        try:
            yield LoopThread(loop)
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
