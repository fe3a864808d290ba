"""Free loopback ports, remembered in a file so that addresses stay the same from start to start."""

import json
import secrets
import socket
from collections.abc import Iterable
from pathlib import Path

# Below the range from which systems take ports for outgoing connections (Linux: from 32768), so that
# a port stays ours while its process is being restarted.
_RANGE = range(20_000, 32_000)


def is_free(port: int) -> bool:
    """Return whether a server could listen on this loopback port now."""
    with socket.socket() as probe:
        # Without this a port would count as taken for a minute after its last connection.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def reserve(names: Iterable[str], memory: Path) -> dict[str, int]:
    """Return a free port for each name: the remembered one if it is still free, else another.

    Writes the choice back to `memory`. Nothing holds the ports: start their servers soon.
    """
    remembered: dict[str, int] = json.loads(memory.read_text()) if memory.exists() else {}
    chosen: dict[str, int] = {}
    for name in names:
        port = remembered.get(name)
        if port is None or port in chosen.values() or not is_free(port):
            port = _another({*remembered.values(), *chosen.values()})
        chosen[name] = port
    memory.parent.mkdir(parents=True, exist_ok=True)
    memory.write_text(json.dumps(remembered | chosen, indent=1) + "\n")
    return chosen


def _another(taken: set[int]) -> int:
    for _ in range(1000):
        port = _RANGE[secrets.randbelow(len(_RANGE))]
        if port not in taken and is_free(port):
            return port
    raise OSError("no free loopback port between 20000 and 31999")
