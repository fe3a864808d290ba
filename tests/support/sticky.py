"""A sticky proxy, as stands before replicas of the ui: a cookie says which of them serves a browser."""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

COOKIE = "replica"
_PIECE = 65_536
_MOST_HEAD = 65_536
_CHOSEN = re.compile(rb"^cookie:.*\breplica=(\d+)", re.IGNORECASE | re.MULTILINE)
_UPGRADE = re.compile(rb"^upgrade:", re.IGNORECASE | re.MULTILINE)


@asynccontextmanager
async def sticky_proxy(replicas: Sequence[int]) -> AsyncIterator[str]:
    """Relay to these ports of loopback while inside; yield where it listens.

    A browser stays with the replica that its cookie names, as long as that takes connections; then it gets
    another and the cookie of that one. Each connection carries one request, or one socket.
    """

    ends = set[asyncio.StreamWriter]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ends.add(writer)
        with suppress(OSError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            number, far_reader, far = await _reached(replicas, head)
            if not _UPGRADE.search(head):
                head = re.sub(rb"\r\nconnection:[^\r]*", b"", head, flags=re.IGNORECASE)
                head = head.replace(b"\r\n", b"\r\nConnection: close\r\n", 1)
            far.write(head)
            try:
                async with asyncio.TaskGroup() as pumps:
                    pumps.create_task(_pump(reader, far))
                    pumps.create_task(_answer(far_reader, writer, number))
            except* OSError:
                pass  # either side is gone: the other one hears it
            finally:
                far.transport.abort()
        writer.close()
        ends.discard(writer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=_MOST_HEAD)
    async with server:
        host, port = server.sockets[0].getsockname()[:2]
        yield f"http://{host}:{port}"
        for end in ends:
            end.transport.abort()


async def _reached(
    replicas: Sequence[int], head: bytes
) -> tuple[int, asyncio.StreamReader, asyncio.StreamWriter]:
    chosen = _CHOSEN.search(head)
    first = int(chosen[1]) if chosen else 0
    for number in [*range(first, len(replicas)), *range(first)]:
        with suppress(OSError):
            return number, *await asyncio.open_connection("127.0.0.1", replicas[number])
    raise ConnectionRefusedError


async def _answer(source: asyncio.StreamReader, sink: asyncio.StreamWriter, number: int) -> None:
    status = await source.readuntil(b"\r\n")
    sink.write(status + f"Set-Cookie: {COOKIE}={number}; Path=/\r\n".encode())
    await _pump(source, sink)
    raise ConnectionResetError  # the answer is over, and with it the connection


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while piece := await source.read(_PIECE):
        sink.write(piece)
        await sink.drain()
