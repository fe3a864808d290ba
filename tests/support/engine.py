"""Whether a Docker engine answers: asked once, within a second, without a word where there is none."""

import http.client
import os
import socket
from functools import cache
from urllib.parse import urlsplit

_DEFAULT = "unix:///var/run/docker.sock"
_BOUND_S = 1.0


@cache
def docker_answers() -> bool:
    """Ask the engine that DOCKER_HOST names, else the one of this machine."""
    try:
        with _connected(os.environ.get("DOCKER_HOST", _DEFAULT)) as connection:
            asking = http.client.HTTPConnection("docker", timeout=_BOUND_S)
            asking.sock = connection
            asking.request("GET", "/_ping")
            return asking.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False


def _connected(address: str) -> socket.socket:
    parts = urlsplit(address)
    if parts.scheme == "unix":
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(_BOUND_S)
        try:
            connection.connect(parts.path)
        except OSError:
            connection.close()
            raise
        return connection
    return socket.create_connection((parts.hostname or "localhost", parts.port or 2375), timeout=_BOUND_S)
