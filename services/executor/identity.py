"""Who this executor is: the facts that every claim, renewal and report carries."""

from dataclasses import dataclass
from datetime import datetime

from shared.domain.ids import BootId, ExecutorName

VERSION = "0.1.0"
SOURCE = "executor"
"""The service's name in messages and logs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """One start of one executor. The name stays over restarts, the boot does not."""

    name: ExecutorName
    boot: BootId
    host: str
    pid: int
    started_at: datetime
    slots: int
    pools: tuple[str, ...]
    sandbox: str
    sandbox_features: str = ""
    version: str = VERSION
