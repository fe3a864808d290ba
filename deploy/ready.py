"""Asks the service in this container whether it is ready: exit code 0 says yes. Runs without site packages.

A plain socket, because a check every few seconds should cost milliseconds: http.client takes ten times as
long to import as everything here.
"""

import os
import socket
import sys

with socket.create_connection(("127.0.0.1", int(os.environ["PORTAL_HEALTH_PORT"])), timeout=2) as service:
    service.sendall(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    answer = service.recv(64)
sys.exit(b" 200 " not in answer)
