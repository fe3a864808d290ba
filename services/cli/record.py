"""What a supervisor writes down about itself for `status`, `down`, `drill` and the `up` after a crash."""

from datetime import datetime
from pathlib import Path

import msgspec

from services.cli.process import Identity, is_alive


class ChildRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One supervised process as it was when the record was written."""

    name: str
    pid: int
    started: int
    since: datetime
    restarts: int
    probe: str

    @property
    def identity(self) -> Identity:
        """The process, so that its number cannot mean another."""
        return Identity(self.pid, self.started)


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """One supervisor and its living children, in the order of their start."""

    pid: int
    started: int
    since: datetime
    portal_url: str
    console_url: str | None
    children: tuple[ChildRecord, ...]

    @property
    def identity(self) -> Identity:
        """The supervisor."""
        return Identity(self.pid, self.started)


def write(record: Record, path: Path) -> None:
    """Replace the record in one step: a reader sees the old one or the new one."""
    draft = path.with_suffix(".new")
    draft.write_bytes(msgspec.json.format(msgspec.json.encode(record)))
    draft.replace(path)


def read(path: Path) -> Record | None:
    """Return the last record, whoever wrote it; None if there is none that can be read."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Record)
    except (OSError, msgspec.DecodeError):
        return None


def running(path: Path) -> Record | None:
    """Return the record of a supervisor that is alive; None when nothing runs."""
    record = read(path)
    return record if record is not None and is_alive(record.identity) else None
