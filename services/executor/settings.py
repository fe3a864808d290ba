"""What can be configured of an executor: environment variables `PORTAL_*`."""

import os
import re
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator
from pydantic_settings import NoDecode

from shared.domain.job import DEFAULT_POOL, POOL_NAMES, is_pool_name
from shared.runtime.settings import BrokerSettings, GrantSettings, ScriptSettings
from shared.runtime.vault import SecretsSettings

_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
_OF_UV = frozenset(
    {
        *("UV_INDEX", "UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_INDEX_STRATEGY"),
        *("UV_FIND_LINKS", "UV_OFFLINE", "UV_EXCLUDE_NEWER", "UV_PRERELEASE", "UV_CONFIG_FILE"),
        *("UV_HTTP_TIMEOUT", "UV_HTTP_RETRIES", "UV_INSECURE_HOST", "UV_SYSTEM_CERTS", "UV_NATIVE_TLS"),
        *("SSL_CERT_FILE", "SSL_CERT_DIR", *_PROXIES, *map(str.lower, _PROXIES)),
    }
)
"""What of its own variables uv is given, besides all `UV_INDEX_...`, which may hold an index' password."""


def uv_variables() -> Mapping[str, str]:
    """Return what this process' environment says to uv, and how the network is reached."""
    wanted = _OF_UV | {name for name in os.environ if name.startswith("UV_INDEX_")}  # noqa: TID251 - this is settings
    return {name: os.environ[name] for name in sorted(wanted & os.environ.keys())}  # noqa: TID251 - this is settings


def _host_name() -> str:
    return f"{socket.gethostname()}-1"


class ExecutorSettings(BrokerSettings, GrantSettings, SecretsSettings, ScriptSettings):
    """Broker, keys, where scripts are and how many run at once. No database."""

    executor_name: str = Field(default_factory=_host_name)
    """Unique among live executors; stays the same over restarts."""
    executor_prefix: str | None = None
    """Instead of a name: be the first of `prefix`-1, `prefix`-2, ... that nobody is."""
    executor_slots: int = Field(default=4, ge=1, le=240)
    executor_home: Path | None = None
    executor_user: Annotated[tuple[int, int] | None, NoDecode] = None
    """User and group, by number, that root becomes for good once it has read its secrets."""
    executor_pools: Annotated[tuple[str, ...], NoDecode] = (DEFAULT_POOL,)
    """Names separated by commas."""
    script_python: Path | None = None
    sandbox: Literal["auto", "process", "restricted", "isolated"] = "auto"
    sandbox_dir: Path = Path("/run/portal-jobs")
    """Where runs get their folders at level restricted; owned by root."""
    sandbox_readable: Annotated[tuple[Path, ...], NoDecode] = ()
    """Paths separated by colons that scripts may read and execute besides the system's and the scripts."""
    sandbox_writable: Annotated[tuple[Path, ...], NoDecode] = ()
    """Paths separated by colons that scripts may write to, if their modes let any user."""

    artifacts_bytes: int = Field(default=50_000_000, ge=0, le=500_000_000)
    """So much of the files that a run leaves in its folder for them is kept; 0: it has no such folder."""
    states_dir: Path | None = None
    """Where the folders that jobs keep between their runs are; every user must be able to come by it."""
    state_bytes: int = Field(default=1_000_000_000, ge=0)
    """So much a job may keep; 0: jobs keep nothing, and runs have no such folder."""
    uv: Path | None = None
    """What makes environments; by default the uv that is installed beside this Python, or on the PATH."""
    environments_dir: Path | None = None
    """Where environments are kept; every user must be able to come by it."""
    environment_timeout: float = Field(default=120, ge=1, le=3600)
    """Seconds that making one may take."""
    environment_memory: int = Field(default=2_000_000_000, ge=16_000_000)
    """Bytes that making one may use."""
    environments_most: int = Field(default=20, ge=1, le=1000)
    environments_bytes: int = Field(default=5_000_000_000, ge=1_000_000)
    """Beyond either, those that were not used for longest go. One that is made may not take more, either."""
    environment_builds: bool = False
    """Whether packages without a wheel may be built, which runs their code, fenced in like a script."""

    @field_validator("executor_user", mode="before")
    @classmethod
    def _user_and_group(cls, value: object) -> object:
        if isinstance(value, str):
            found = re.fullmatch(r"([1-9]\d{0,8}):([1-9]\d{0,8})", value)
            if found is None:
                raise ValueError("give a user and a group by number, not root's, such as 10001:10001")
            return tuple(map(int, found.groups()))
        return value

    @field_validator("executor_pools", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(dict.fromkeys(name.strip() for name in value.split(",") if name.strip()))
        return value

    @field_validator("executor_pools")
    @classmethod
    def _some_pool(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value:
            raise ValueError(f"name at least one pool, such as {DEFAULT_POOL}")
        if unknown := [name for name in value if not is_pool_name(name)]:
            raise ValueError(f"{unknown[0]!r} is none. {POOL_NAMES}")
        return value

    @field_validator("sandbox_readable", "sandbox_writable", mode="before")
    @classmethod
    def _paths(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(Path(path) for path in value.split(":") if path)
        return value

    @field_validator("sandbox_readable", "sandbox_writable")
    @classmethod
    def _absolute_paths(cls, value: tuple[Path, ...]) -> tuple[Path, ...]:
        if loose := [path for path in value if not path.is_absolute() or path == Path("/")]:
            raise ValueError(f"{loose[0]} is no absolute path of a folder or file below /")
        return value

    @field_validator("executor_name", "executor_prefix")
    @classmethod
    def _name_for_keys(cls, value: str | None) -> str | None:
        # It is part of routing keys and of folder names; "all" addresses every executor.
        if value is not None and (
            not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", value) or value == "all"
        ):
            raise ValueError(
                "an executor's name or prefix has 1 to 100 letters, digits, . _ or -, and is not 'all'"
            )
        return value

    @model_validator(mode="after")
    def _absolute(self) -> Self:
        self.home = self.home.absolute()
        self.scripts_dir = self.scripts_dir.absolute()
        return self

    @model_validator(mode="after")
    def _one_way_to_a_name(self) -> Self:
        if self.executor_prefix and self.model_fields_set & {"executor_name", "executor_home"}:
            raise ValueError(
                "PORTAL_EXECUTOR_PREFIX chooses name and folder by itself: "
                "leave out PORTAL_EXECUTOR_NAME and PORTAL_EXECUTOR_HOME, or the prefix."
            )
        return self

    @property
    def executors_dir(self) -> Path:
        """Return the absolute folder with a folder for each executor."""
        return self.home / "executors"

    @property
    def state_dir(self) -> Path:
        """Return the absolute folder of this executor, if it has no prefix."""
        return (self.executor_home or self.executors_dir / self.executor_name).absolute()
