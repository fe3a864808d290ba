"""A wire that can be cut: a TCP relay between one process and the broker or the database."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import StrEnum

_PIECE = 65_536


class Cut(StrEnum):
    """How the wire is cut."""

    REFUSED = "refused"
    """Every connection is torn down, new ones are refused."""
    SILENT = "silent"
    """Nothing passes, nobody is told."""
    DEAF = "deaf"
    """The process speaks and is heard; it hears nothing."""
    MUTE = "mute"
    """The process hears, and is not heard."""


_STOPS_OUT = frozenset({Cut.SILENT, Cut.MUTE})
_STOPS_IN = frozenset({Cut.SILENT, Cut.DEAF})


class Wire:
    """One relay. Bytes that were held up arrive late when it is mended, or are lost with their connection."""

    def __init__(self, target: int) -> None:
        self.port = 0
        self._target = target
        self._is_refusing = False
        self._out, self._in = asyncio.Event(), asyncio.Event()
        self._out.set()
        self._in.set()
        self._ends: set[asyncio.StreamWriter] = set()

    @property
    def connections(self) -> int:
        """Return how many it relays at the moment."""
        return len(self._ends) // 2

    def cut(self, how: Cut) -> None:
        """Cut it now."""
        if how is Cut.REFUSED:
            self._is_refusing = True
            self._tear()
        if how in _STOPS_OUT:
            self._out.clear()
        if how in _STOPS_IN:
            self._in.clear()

    def mend(self, *, loses: bool = False) -> None:
        """Let everything pass again; `loses`: not what was held up, its connections are torn down."""
        self._is_refusing = False
        if loses:
            self._tear()
        self._out.set()
        self._in.set()

    def _tear(self) -> None:
        for end in self._ends:
            end.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._ends.add(writer)
        far: asyncio.StreamWriter | None = None
        try:
            if self._is_refusing:
                return
            await self._out.wait()
            far_reader, far = await asyncio.open_connection("127.0.0.1", self._target)
            self._ends.add(far)
            async with asyncio.TaskGroup() as pumps:
                pumps.create_task(_pump(reader, far, self._out))
                pumps.create_task(_pump(far_reader, writer, self._in))
        except* (OSError, asyncio.IncompleteReadError):
            pass  # either side is gone, or nobody listens there: the process is to see just that
        finally:
            for end in filter(None, (writer, far)):
                self._ends.discard(end)
                end.transport.abort()


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter, gate: asyncio.Event) -> None:
    while piece := await source.read(_PIECE):
        await gate.wait()
        sink.write(piece)
        await sink.drain()
    await gate.wait()
    # The end of one direction is the end of the connection: neither AMQP nor PostgreSQL goes on after it.
    raise ConnectionResetError


@asynccontextmanager
async def wire_to(target: int) -> AsyncIterator[Wire]:
    """Listen on a free port of loopback and relay to `target` while inside."""
    wire = Wire(target)
    server = await asyncio.start_server(wire._serve, "127.0.0.1", 0)
    wire.port = server.sockets[0].getsockname()[1]
    try:
        yield wire
    finally:
        server.close()
        wire.mend(loses=True)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(5):
                await server.wait_closed()
