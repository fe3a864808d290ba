"""The portal's users, rights, policies, exchanges and queues in the words of RabbitMQ's definition files.

A node that boots from them has all of it before the first service connects.
"""

import secrets
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import asdict
from hashlib import sha256

from shared.messages.topology import EXCHANGE_KINDS, LASTING, PERMISSIONS, POLICIES, Permission, Policy

CONSOLE_USER = "portal"
"""The person who looks at the management console; services have users of their own: `PERMISSIONS`."""

_EVERYTHING = Permission(configure=".*", write=".*", read=".*")


def of_vhost() -> dict[str, object]:
    """Return what a vhost holds, as `POST /api/definitions/<vhost>` takes it."""
    return {
        "policies": [_policy(policy) for policy in POLICIES],
        "exchanges": [
            {"name": name, "type": kind, "durable": True, "auto_delete": False, "internal": False}
            | {"arguments": {}}
            for name, kind in EXCHANGE_KINDS.items()
        ],
        "queues": [
            {"name": queue.name, "durable": True, "auto_delete": False, "arguments": dict(queue.arguments)}
            for queue in LASTING
        ],
        "bindings": [
            {"source": queue.exchange, "destination": queue.name, "destination_type": "queue"}
            | {"routing_key": key, "arguments": {}}
            for queue in LASTING
            for key in queue.keys
        ],
    }


def of_default_vhost(content: Mapping[str, object]) -> dict[str, object]:
    """Return the content of a vhost for a file that a whole node reads: each entry names the vhost `/`."""
    return {
        kind: [{"vhost": "/"} | entry for entry in entries]
        for kind, entries in content.items()
        if isinstance(entries, list)
    }


def of_node(passwords: Mapping[str, str], content: Mapping[str, object]) -> dict[str, object]:
    """Return a node's definitions: the users with their passwords and rights, and its vhost's content."""
    permissions = {CONSOLE_USER: _EVERYTHING, **PERMISSIONS}
    return {
        "users": [_user(name, password) for name, password in passwords.items()],
        "vhosts": [{"name": "/"}],
        "permissions": [{"user": name, "vhost": "/"} | asdict(permissions[name]) for name in passwords],
    } | of_default_vhost(content)


def _policy(policy: Policy) -> dict[str, object]:
    return {
        "name": policy.name,
        "pattern": policy.pattern,
        "apply-to": policy.apply_to,
        "priority": policy.priority,
        "definition": dict(policy.definition),
    }


def _user(name: str, password: str) -> dict[str, object]:
    return {
        "name": name,
        "password_hash": _password_hash(password),
        "hashing_algorithm": "rabbit_password_hashing_sha256",
        "tags": "administrator" if name == CONSOLE_USER else "",
    }


def _password_hash(password: str) -> str:
    """Salt and hash as in https://www.rabbitmq.com/docs/passwords."""
    salt = secrets.token_bytes(4)
    return b64encode(salt + sha256(salt + password.encode()).digest()).decode()
