"""Tries what a nosy script would try: the broker's password, the secrets, root, and every address given."""

import os
import pathlib
import socket
import sys

SECRETS = ("portal_amqp_url", "portal_grant_key")


def readable(path: pathlib.Path) -> bytes:
    try:
        return path.read_bytes() if path.is_file() else b"\n".join(os.fsencode(x) for x in path.iterdir())
    except OSError:
        return b""


def parent(pid: int) -> int:
    return int(pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


found = []
above, pid = [1], os.getppid()
while pid > 1:  # its keeper, the executor, init
    above.append(pid)
    pid = parent(pid)
places = [pathlib.Path("/run/secrets"), *(pathlib.Path("/run/secrets") / name for name in SECRETS)]
for pid in above:
    places += [pathlib.Path(f"/proc/{pid}/{name}") for name in ("environ", "maps", "fd", "root/run/secrets")]
for place in places:
    if content := readable(place):
        found.append(f"{place}: {len(content)} bytes")
for other in pathlib.Path("/proc").glob("[0-9]*/environ"):
    if b"amqp" in readable(other):
        found.append(f"{other} names the broker")
for name, value in os.environ.items():
    if "amqp" in value or "KEY" in name or "SECRET" in name:
        found.append(f"environment variable {name}")
for address in sys.argv[1:]:
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=2).close()
        found.append(f"{address} answers")
    except OSError:
        pass
for path in ("/app/x", "/scripts/x", "/etc/x", "/run/secrets/x"):
    try:
        pathlib.Path(path).write_text("x")
        found.append(f"{path} is writable")
    except OSError:
        pass
try:
    os.setuid(0)
    found.append("it can become root")
except OSError:
    pass
print("uid", os.getuid())
print("\n".join(found) if found else "nothing found")
raise SystemExit(bool(found))
