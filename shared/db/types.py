"""Column types that keep promises the databases do not."""

from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Generic, TypeVar

from sqlalchemy import BigInteger, DateTime, Dialect, Integer, String, Text
from sqlalchemy.types import TypeDecorator


class UtcDateTime(TypeDecorator[datetime]):
    """An instant: aware in Python, UTC in the database; naive values are refused."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        """Use timestamptz where there is one, and naive UTC elsewhere."""
        return dialect.type_descriptor(DateTime(timezone=dialect.name == "postgresql"))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Turn an aware instant into UTC.

        Raises:
            ValueError: for a naive one.
        """
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} is naive: store an aware instant")
        utc = value.astimezone(UTC)
        return utc if dialect.name == "postgresql" else utc.replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return it aware, in UTC."""
        del dialect
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any] | None:
        """Read SQLite's text in one step: a list holds a thousand instants."""
        return _instant if dialect.name == "sqlite" else super().result_processor(dialect, coltype)


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text + "+00:00")


class Words(TypeDecorator[str]):
    """What programs say to people: made to fit, for it must never be the reason why a row is not written."""

    impl = String
    cache_ok = True

    def __init__(self, length: int | None = None) -> None:
        super().__init__(length)
        self.length = length
        if length is None:
            self.impl = Text()  # type: ignore[assignment]  # a class in the class, an instance in each instance

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Replace what cannot be stored and cut what is too long."""
        del dialect
        return None if value is None else storable(value)[: self.length]


def storable(text: str) -> str:
    """Return the text without NUL, which PostgreSQL refuses, and without halves of surrogate pairs."""
    return text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode("utf-8")


# SQLite's integers have 64 bits by themselves; elsewhere 32 are too few for bytes.
Large = BigInteger().with_variant(Integer(), "sqlite")
# The order in which Python compares, on every server: pages are cut by this key.
OrderedKey = String(450).with_variant(String(450, collation="C"), "postgresql")
OrderedTag = String(40).with_variant(String(40, collation="C"), "postgresql")


E = TypeVar("E", bound=StrEnum)


class EnumText(TypeDecorator[E], Generic[E]):
    """A StrEnum as readable text, so that a new member needs no migration."""

    impl = String
    cache_ok = True

    def __init__(self, kind: type[E]) -> None:
        super().__init__(20)
        self.kind = kind
        # A list reads hundreds of them: calling the enum costs five times as much as looking it up.
        self._members = {str(member): member for member in kind}

    def process_bind_param(self, value: E | None, dialect: Dialect) -> str | None:
        """Store the member's text.

        Raises:
            ValueError: for text that is no member.
        """
        del dialect
        return None if value is None else str(self.kind(value))

    def process_result_value(self, value: str | None, dialect: Dialect) -> E | None:
        """Return the member."""
        del dialect
        return self._member(value)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any]:
        """Read the text as it is: every database keeps it so."""
        del dialect, coltype
        return self._member

    def _member(self, value: str | None) -> E | None:
        return None if value is None else self._members.get(value) or self.kind(value)
