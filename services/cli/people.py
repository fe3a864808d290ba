"""`portal user list` and `portal user change`: who may do what, over the API."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import typer

from services.cli.asking import Asked, asks
from services.cli.errors import CannotDo, Exit
from services.cli.told import now, plain, table, when


@asks
def list_users(asked: Asked) -> None:
    """List users: what each may, and since when. For admins.

    Example: portal user list
    """
    page = asked.client.get("/users")
    at = now()
    rows = [
        (one["name"], _state(one), one["role"], _grants(one) or "-", when(one["created_at"], at))
        for one in page["items"]
    ]
    asked.show(page, table(("NAME", "STATE", "ROLE", "ALSO", "SINCE"), rows))
    if not rows and not asked.as_json:
        asked.note("There is no user: `portal user add NAME --role admin` makes one.")


@asks
def change_user(
    asked: Asked,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The name that they sign in with.")],
    *,
    role: Annotated[str | None, typer.Option(help="viewer, operator, editor or admin.")] = None,
    grant: Annotated[
        list[str] | None,
        typer.Option(metavar="FOLDER=ROLE", help="operator or editor there, or none any more; repeat it."),
    ] = None,
    disabled: Annotated[
        bool | None, typer.Option("--disable/--enable", help="Shut them out at once, or let them in again.")
    ] = None,
) -> None:
    """Give a user another role, grants in folders of scripts, or shut them out. For admins.

    Example: portal user change ann --role operator --grant finance=editor
    """
    users = asked.client.get("/users")["items"]
    user = next((one for one in users if one["name"].casefold() == name.strip().casefold()), None)
    if user is None:
        raise CannotDo(f"There is no user {name!r}. `portal user list` names them.", Exit.NOT_THERE)
    grants = None if grant is None else _changed(user["grants"], grant)
    wanted = {"role": role, "grants": grants, "disabled": disabled}
    body = {field: value for field, value in wanted.items() if value is not None}
    changed = asked.client.patch("/users/{}", user["id"], body=body)
    also = f", also {_grants(changed)}" if changed["grants"] else ""
    asked.show(changed, [f"{plain(changed['name'])} is {_state(changed)}: {changed['role']}{plain(also)}."])


def _changed(grants: Mapping[str, str], wanted: Iterable[str]) -> dict[str, str]:
    found = dict(grants)
    for one in wanted:
        folder, equals, role = one.rpartition("=")
        if not equals:
            raise CannotDo(f"--grant {one[:60]!r}: say it as finance=editor, or finance=none.", Exit.WRONG)
        if role == "none":
            found.pop(folder, None)
        else:
            found[folder] = role
    return found


def _state(user: Mapping[str, Any]) -> str:
    if user["disabled_at"] is not None:
        return "shut out"
    return "active" if user["has_password"] else "invited"


def _grants(user: Mapping[str, Any]) -> str:
    return ", ".join(f"{role} in {folder}" for folder, role in sorted(user["grants"].items()))
