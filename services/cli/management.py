"""What we ask RabbitMQ's management HTTP API for: vhosts with the portal's policies."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from services.cli.broker_config import policy_json
from services.cli.errors import RefusedByBroker
from services.cli.probe import request
from shared.messages.topology import Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Management:
    """One node's HTTP API and the user to ask it as."""

    url: str
    user: str
    password: str

    async def call(self, method: str, path: str, body: object = None) -> object:
        """Send a request below `/api/`; path parts must be quoted. Raises RefusedByBroker, OSError."""
        answer = await request(
            method, f"{self.url}/api/{path}", body=body, credentials=f"{self.user}:{self.password}"
        )
        if answer.status >= 300:  # noqa: PLR2004 - HTTP: everything from here on is no success
            raise RefusedByBroker(f"{method} /api/{path}: {answer.status} {answer.body}")
        return answer.body

    async def make_vhost(self, name: str, policies: Sequence[Policy]) -> None:
        """Make an empty vhost, ours alone, with the policies; one of that name is deleted first."""
        await self.drop_vhost(name)
        vhost = quote(name, safe="")
        await self.call("PUT", f"vhosts/{vhost}", {})
        everything = {"configure": ".*", "write": ".*", "read": ".*"}
        await self.call("PUT", f"permissions/{vhost}/{quote(self.user, safe='')}", everything)
        for policy in policies:
            await self.call("PUT", f"policies/{vhost}/{quote(policy.name, safe='')}", policy_json(policy))

    async def drop_vhost(self, name: str) -> None:
        """Delete a vhost with all that is in it, if there is one."""
        path = f"vhosts/{quote(name, safe='')}"
        known = await self.call("GET", "vhosts?columns=name")
        if isinstance(known, list) and {"name": name} in known:
            await self.call("DELETE", path)
