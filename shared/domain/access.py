"""Who may do what: roles, for everything or in a folder of scripts. Pure."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final
from uuid import UUID

from shared.domain.errors import InvalidInput
from shared.domain.job import name_key

LEAST_PASSWORD: Final = 12
MOST_PASSWORD: Final = 1_000
MAX_USER_NAME: Final = 60
MAX_FOLDER: Final = 400
MAX_GRANTS: Final = 50
LOCAL: Final = "local"
"""Whoever can read the home's files: the command line of the machine itself."""


class Role(StrEnum):
    """What somebody may do; each may do what those before it may."""

    VIEWER = "viewer"
    """Look at everything."""
    OPERATOR = "operator"
    """Run, cancel, pause, hold back."""
    EDITOR = "editor"
    """Change what is run: jobs, scripts, calendars, limits, secrets."""
    ADMIN = "admin"
    """Say who may do what."""

    def allows(self, other: "Role") -> bool:
        """Say whether whoever has this role may do what the other one may."""
        return _RANK[self] >= _RANK[other]


_RANK: Final = MappingProxyType({role: rank for rank, role in enumerate(Role)})
GRANTED: Final = (Role.OPERATOR, Role.EDITOR)
"""What somebody can be in a folder: to look at everything is everybody's, users are nobody's folder's."""


class Via(StrEnum):
    """How somebody is known."""

    SESSION = "session"
    TOKEN = "token"  # noqa: S105 - no token, but that it was one
    LOCAL = "local"


@dataclass(frozen=True, slots=True, kw_only=True)
class Who:
    """Somebody, and what they may do at this moment."""

    name: str
    role: Role
    grants: Mapping[str, Role] = field(default_factory=dict)
    """By folder of scripts; a grant holds in the folders below it, too, and only adds."""
    via: Via
    user_id: UUID | None = None

    def may(self, role: Role, folder: str | None = None) -> bool:
        """Say whether they may do what the role may: in general, or to what has its script in this folder."""
        if self.role.allows(role):
            return True
        if folder is None:
            return False
        return any(granted.allows(role) and is_in(folder, of) for of, granted in self.grants.items())

    def may_somewhere(self, role: Role) -> bool:
        """Say whether there may be anything to which they may do what the role may."""
        return self.role.allows(role) or any(granted.allows(role) for granted in self.grants.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What a token may do at most; never more than its owner may at that moment."""

    role: Role
    folder: str | None = None
    """Only there, but for looking; None: everywhere."""


def narrowed(owner: Who, scope: Scope, *, name: str) -> Who:
    """Return what the owner of a token may do by it."""
    grants = {folder: least(role, scope.role) for folder, role in owner.grants.items()}
    role = least(owner.role, scope.role)
    if scope.folder is not None:
        # What holds there and below: of the owner's grants those that reach into it.
        here = [granted for of, granted in grants.items() if is_in(scope.folder, of)]
        grants = {of: granted for of, granted in grants.items() if is_in(of, scope.folder)}
        grants[scope.folder] = max((least(role, Role.EDITOR), *here), key=_RANK.__getitem__)
        role = Role.VIEWER
    able = {folder: granted for folder, granted in grants.items() if granted in GRANTED}
    return Who(name=name, role=role, grants=able, via=Via.TOKEN, user_id=owner.user_id)


def least(one: Role, other: Role) -> Role:
    """Return the role that may less."""
    return other if one.allows(other) else one


def folder_of(script: str) -> str:
    """Return the folder of a script; "" for one that lies at the root."""
    return script.rpartition("/")[0]


def is_in(folder: str, of: str) -> bool:
    """Say whether a folder is this one, or lies below it."""
    return folder == of or folder.startswith(f"{of}/")


def checked_folder(folder: str) -> str:
    """Return a folder of scripts in normal form, without strokes at its ends.

    Raises:
        InvalidInput: on field `folder`: there can be no such folder.
    """
    plain = unicodedata.normalize("NFC", folder).strip().strip("/")
    parts = plain.split("/")
    if not 0 < len(plain) <= MAX_FOLDER or not plain.isprintable() or {"", ".", ".."} & {*parts}:
        raise InvalidInput("folder", "Name a folder of the scripts directory, such as finance/daily.")
    return plain


def checked_grants(grants: Mapping[str, Role]) -> dict[str, Role]:
    """Return what somebody is to be in folders, by their normal form.

    Raises:
        InvalidInput: on field `folder` or `grants`.
    """
    if len(grants) > MAX_GRANTS:
        raise InvalidInput("grants", f"At most {MAX_GRANTS} folders fit. Choose folders above these.")
    if not {*grants.values()} <= {*GRANTED}:
        raise InvalidInput("grants", "In a folder somebody is operator or editor. Choose one of the two.")
    return {checked_folder(folder): role for folder, role in grants.items()}


def checked_user_name(name: str) -> str:
    """Return the name of a user in normal form.

    Raises:
        InvalidInput: on field `name`: nobody can be called so.
    """
    plain = " ".join(unicodedata.normalize("NFC", name).split())
    if not 0 < len(plain) <= MAX_USER_NAME or not plain.isprintable():
        raise InvalidInput("name", f"Give a name of 1 to {MAX_USER_NAME} letters that can be seen.")
    if name_key(plain) == LOCAL:
        raise InvalidInput("name", "The command line of this machine has this name. Choose another one.")
    return plain


def checked_password(password: str, *, name: str) -> str:
    """Return a new password in normal form; it is to be long, what it is made of is not asked.

    Raises:
        InvalidInput: on field `password`: it is too short or too long, or it is the name.
    """
    plain = normal_password(password)
    if not LEAST_PASSWORD <= len(plain) <= MOST_PASSWORD:
        raise InvalidInput(
            "password",
            f"Choose a password of at least {LEAST_PASSWORD} characters, such as four or five words.",
        )
    if plain.casefold() == name.casefold() or len({*plain}) == 1:
        raise InvalidInput("password", "This is easy to guess. Choose four or five words that tell no story.")
    return plain


def normal_password(password: str) -> str:
    """Return a password as every keyboard gives it (NFKC, as NIST SP 800-63B advises)."""
    return unicodedata.normalize("NFKC", password[: 2 * MOST_PASSWORD])
