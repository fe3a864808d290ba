"""A wire that can be cut, for tests that are not asynchronous themselves."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from anyio.from_thread import BlockingPortal, start_blocking_portal

from tests.chaos.proxy import Cut, Wire, wire_to


@dataclass(frozen=True, slots=True)
class Cable:
    """A wire whose loop turns in a thread of its own."""

    portal: BlockingPortal
    wire: Wire

    @property
    def url(self) -> str:
        """Return where to open the far end of the wire."""
        return f"http://127.0.0.1:{self.wire.port}"

    def cut(self, how: Cut) -> None:
        """Cut it now."""
        self.portal.call(self.wire.cut, how)

    def mend(self) -> None:
        """Let everything pass again, what was held up as well."""
        self.portal.call(self.wire.mend)


@contextmanager
def cable_to(port: int) -> Iterator[Cable]:
    """Relay to this port of loopback while inside."""
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(wire_to(port)) as wire:
        yield Cable(portal, wire)
