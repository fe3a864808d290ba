"""What we ask RabbitMQ's management HTTP API for: vhosts with what the portal needs, and users."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from urllib.parse import quote

from services.cli.errors import RefusedByBroker
from services.cli.probe import basic, request
from shared.messages.topology import Permission

_EVERYTHING = Permission(configure=".*", write=".*", read=".*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Management:
    """One node's HTTP API and the user to ask it as."""

    url: str
    user: str
    password: str

    async def call(self, method: str, path: str, body: object = None) -> object:
        """Send a request below `/api/`; path parts must be quoted. Raises RefusedByBroker, OSError."""
        answer = await request(
            method, f"{self.url}/api/{path}", body=body, authorization=basic(self.user, self.password)
        )
        if answer.status >= 300:  # noqa: PLR2004 - HTTP: everything from here on is no success
            raise RefusedByBroker(f"{method} /api/{path}: {answer.status} {answer.body}")
        return answer.body

    async def make_vhost(self, name: str, content: Mapping[str, object]) -> None:
        """Make a vhost, ours alone, with this content; one of that name is deleted first."""
        await self.drop_vhost(name)
        vhost = quote(name, safe="")
        await self.call("PUT", f"vhosts/{vhost}", {})
        await self.permit(self.user, name, _EVERYTHING)
        await self.call("POST", f"definitions/{vhost}", content)

    async def make_user(self, name: str, password: str) -> None:
        """Make a user who may do nothing yet, or give the one of that name this password."""
        await self.call("PUT", f"users/{quote(name, safe='')}", {"password": password, "tags": ""})

    async def drop_user(self, name: str) -> None:
        """Delete a user."""
        await self.call("DELETE", f"users/{quote(name, safe='')}")

    async def permit(self, user: str, vhost: str, permission: Permission) -> None:
        """Say what the user may do in this vhost."""
        path = f"permissions/{quote(vhost, safe='')}/{quote(user, safe='')}"
        await self.call("PUT", path, asdict(permission))

    async def drop_vhost(self, name: str) -> None:
        """Delete a vhost with all that is in it, if there is one."""
        path = f"vhosts/{quote(name, safe='')}"
        known = await self.call("GET", "vhosts?columns=name")
        if isinstance(known, list) and {"name": name} in known:
            await self.call("DELETE", path)
