"""What people changed: the kinds of it, and how two definitions of a job differ. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class ChangeKind(StrEnum):
    """What somebody did. A kind never changes its meaning; older ones are read for ever."""

    JOB_KNOWN = "job-known"
    """How a job was when its history began: nobody did this."""
    JOB_CREATED = "job-created"
    JOB_EDITED = "job-edited"
    JOB_REVERTED = "job-reverted"
    """Edited to what an earlier version was."""
    JOB_PAUSED = "job-paused"
    JOB_RESUMED = "job-resumed"
    JOB_DELETED = "job-deleted"
    JOB_RESTORED = "job-restored"
    JOB_MUTED = "job-muted"
    """Nobody is told for a while that it fails; its definition, and so its version, stay."""
    JOB_UNMUTED = "job-unmuted"
    SCRIPT_ACCEPTED = "script-accepted"
    SCRIPT_UPLOADED = "script-uploaded"
    SCRIPT_REPLACED = "script-replaced"
    CALENDAR_CREATED = "calendar-created"
    CALENDAR_EDITED = "calendar-edited"
    CALENDAR_DELETED = "calendar-deleted"
    SECRET_STORED = "secret-stored"  # noqa: S105 - no secret, but that one was stored
    SECRET_DESCRIBED = "secret-described"  # noqa: S105
    SECRET_DELETED = "secret-deleted"  # noqa: S105
    LIMIT_SET = "limit-set"
    LIMIT_FORGOTTEN = "limit-forgotten"
    POOL_PAUSED = "pool-paused"
    POOL_RESUMED = "pool-resumed"
    EXECUTOR_DRAINED = "executor-drained"
    EXECUTOR_RESUMED = "executor-resumed"
    FREEZE_BEGUN = "freeze-begun"
    FREEZE_LIFTED = "freeze-lifted"
    SIGNED_IN = "signed-in"
    SIGN_IN_REFUSED = "sign-in-refused"
    """A wrong password, or too many of them; the subject is the name that was typed."""
    SIGNED_OUT = "signed-out"
    PASSWORD_SET = "password-set"  # noqa: S105
    USER_CREATED = "user-created"
    USER_EDITED = "user-edited"
    TOKEN_CREATED = "token-created"  # noqa: S105
    TOKEN_REVOKED = "token-revoked"  # noqa: S105
    REFUSED = "refused"
    """Somebody asked for what they may not do; the subject says what."""
    RULE_SET = "rule-set"
    """What somebody wants to be told, and where."""
    RULE_DELETED = "rule-deleted"
    CHANNEL_SET = "channel-set"
    """Where alerts are sent."""
    CHANNEL_DELETED = "channel-deleted"


Value = object
"""As JSON has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldChange:
    """A field of a definition that is another one than before; None: it was, or is, not there."""

    field: str
    """Such as `timeout_s` or `policy.keep_days`."""
    before: Value
    after: Value


def changed_fields(before: Mapping[str, Value], after: Mapping[str, Value]) -> tuple[FieldChange, ...]:
    """Return what differs between two definitions as JSON, in the order of their fields.

    Objects are compared by their fields, at any depth; lists as a whole.
    """
    found: list[FieldChange] = []
    for field in dict.fromkeys((*before, *after)):
        old, new = before.get(field), after.get(field)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            found += (
                FieldChange(field=f"{field}.{one.field}", before=one.before, after=one.after)
                for one in changed_fields(old, new)
            )
        elif old != new:
            found.append(FieldChange(field=field, before=old, after=new))
    return tuple(found)
