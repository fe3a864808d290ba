"""The tests' broker: one per session, a fresh vhost per test.

Taken in this order: PORTAL_TEST_AMQP_URL, a container where a Docker engine answers, the portal's own
private node. What its tests do over HTTP runs on an event loop in a thread of its own, so that one
session-wide fixture serves sync tests and async tests on any loop.
"""

import asyncio
import os
import threading
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit
from uuid import uuid4

from services.cli.broker_definitions import of_vhost
from services.cli.broker_node import BOOT_BOUND_S, running_node
from services.cli.management import Management
from services.cli.probe import is_ready
from shared.messages.topology import PERMISSIONS
from tests.support.engine import docker_answers
from tests.support.eventually import eventually

Result = TypeVar("Result")

URL_VARIABLE = "PORTAL_TEST_AMQP_URL"
MANAGEMENT_VARIABLE = "PORTAL_TEST_MANAGEMENT_URL"
IMAGE = os.environ.get("RABBITMQ_IMAGE", "rabbitmq:4-management")
_AMQP, _MANAGEMENT = 5672, 15672


def broker_origin() -> str:
    """Say which broker the tests take; nothing is started for it."""
    if URL_VARIABLE in os.environ:
        return URL_VARIABLE
    return f"container of {IMAGE}" if docker_answers() else "private node"


@dataclass(frozen=True, slots=True)
class LoopThread:
    """Runs coroutines to their end from sync code, also where the caller's own loop is running."""

    loop: asyncio.AbstractEventLoop

    def run(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result()


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionBroker:
    """The session's broker; `management` asks as the user who may do everything."""

    management: Management
    address: str
    """`host:port` of AMQP."""
    thread: LoopThread

    def fresh_vhost(self, content: Mapping[str, object] | None = None) -> str:
        """Make a vhost with what the portal needs, or else `content`; return its AMQP address."""
        name = f"test-{uuid4().hex[:12]}"
        self.thread.run(self.management.make_vhost(name, of_vhost() if content is None else content))
        return self._url(self.management.user, self.management.password, name)

    def drop_vhost(self, amqp_url: str) -> None:
        """Delete a vhost made here, with all that is in it."""
        self.thread.run(self.management.drop_vhost(name_in(amqp_url)))

    @contextmanager
    def service_users(self, amqp_url: str) -> Iterator[Mapping[str, str]]:
        """Give each service a user with its rights in this vhost, while inside; return their addresses."""
        vhost = name_in(amqp_url)
        users = {role: f"{vhost}-{role}" for role in PERMISSIONS}
        for role, user in users.items():
            self.thread.run(self.management.make_user(user, "secret"))
            self.thread.run(self.management.permit(user, vhost, PERMISSIONS[role]))
        try:
            yield {role: self._url(user, "secret", vhost) for role, user in users.items()}
        finally:
            for user in users.values():
                self.thread.run(self.management.drop_user(user))

    def _url(self, user: str, password: str, vhost: str) -> str:
        return f"amqp://{quote(user)}:{quote(password, safe='')}@{self.address}/{vhost}"


def name_in(amqp_url: str) -> str:
    """Return the vhost that an address names."""
    return urlsplit(amqp_url).path.removeprefix("/")


@contextmanager
def session_broker(folder: Path) -> Iterator[SessionBroker]:
    """Give the broker that `broker_origin` says; a private node lives in `folder`.

    PORTAL_TEST_AMQP_URL needs PORTAL_TEST_MANAGEMENT_URL too (`http://host:port`, same user, who
    administers it): vhosts and users are made there.
    """
    with _loop_thread() as thread:
        if URL_VARIABLE in os.environ:
            yield _given_broker(os.environ[URL_VARIABLE], thread)
        elif docker_answers():
            with _container(thread) as broker:
                yield broker
        else:
            with _private_node(folder, thread) as broker:
                yield broker


def _given_broker(amqp_url: str, thread: LoopThread) -> SessionBroker:
    parts = urlsplit(amqp_url)
    management = Management(
        url=os.environ[MANAGEMENT_VARIABLE],
        user=parts.username or "guest",
        password=parts.password or "guest",
    )
    return SessionBroker(
        management=management, address=f"{parts.hostname}:{parts.port or _AMQP}", thread=thread
    )


@contextmanager
def _container(thread: LoopThread) -> Iterator[SessionBroker]:
    # Imported where it is needed: it takes half a second. Not its RabbitMqContainer, which wants pika.
    from testcontainers.core.container import DockerContainer

    user, password = "portal", uuid4().hex
    container = (
        DockerContainer(IMAGE)
        .with_exposed_ports(_AMQP, _MANAGEMENT)
        .with_env("RABBITMQ_DEFAULT_USER", user)
        .with_env("RABBITMQ_DEFAULT_PASS", password)
    )
    with container:
        host = container.get_container_host_ip()
        address = f"{host}:{container.get_exposed_port(_AMQP)}"
        eventually(
            lambda: thread.run(is_ready(f"amqp://{address}")),
            within_s=BOOT_BOUND_S,
            what=f"RabbitMQ of {IMAGE} serves",
        )
        management = Management(
            url=f"http://{host}:{container.get_exposed_port(_MANAGEMENT)}", user=user, password=password
        )
        yield SessionBroker(management=management, address=address, thread=thread)


@contextmanager
def _private_node(folder: Path, thread: LoopThread) -> Iterator[SessionBroker]:
    stack = AsyncExitStack()
    node = thread.run(stack.enter_async_context(running_node(folder)))
    try:
        address = f"127.0.0.1:{node.config.ports.amqp}"
        yield SessionBroker(management=node.management, address=address, thread=thread)
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
