from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from services.executor.settings import ExecutorSettings

URL = SecretStr("amqp://here")


def test_the_best_level_that_holds_is_taken_unless_one_is_named() -> None:
    assert ExecutorSettings(amqp_url=URL).sandbox == "auto"
    with pytest.raises(ValidationError, match="'auto', 'process', 'restricted' or 'isolated'"):
        ExecutorSettings(amqp_url=URL, sandbox="none")  # type: ignore[arg-type]


def test_paths_for_scripts_are_read_from_a_list_with_colons(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORTAL_SANDBOX_WRITABLE", "/srv/reports:/mnt/out")

    assert ExecutorSettings(amqp_url=URL).sandbox_writable == (Path("/srv/reports"), Path("/mnt/out"))


@pytest.mark.parametrize("paths", ["reports", "/srv:here", "/"])
def test_a_path_for_scripts_that_says_too_much_or_nothing_is_refused(
    monkeypatch: pytest.MonkeyPatch, paths: str
) -> None:
    monkeypatch.setenv("PORTAL_SANDBOX_READABLE", paths)

    with pytest.raises(ValidationError, match="no absolute path"):
        ExecutorSettings(amqp_url=URL)


@pytest.mark.parametrize("name", ["", "all", "a b", "a/b", "*", "#", "-a", "a" * 101])
def test_a_name_that_is_no_routing_key_is_refused(name: str) -> None:
    with pytest.raises(ValidationError, match="executor's name"):
        ExecutorSettings(amqp_url=URL, executor_name=name)


def test_pools_are_read_from_a_list_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORTAL_EXECUTOR_POOLS", "fast, gpu,fast")

    assert ExecutorSettings(amqp_url=URL).executor_pools == ("fast", "gpu")


@pytest.mark.parametrize("pools", ["GPU", "a.urgent", "default,-x", "x" * 41])
def test_a_pool_that_no_job_can_name_is_refused(monkeypatch: pytest.MonkeyPatch, pools: str) -> None:
    monkeypatch.setenv("PORTAL_EXECUTOR_POOLS", pools)

    with pytest.raises(ValidationError, match="lower-case"):
        ExecutorSettings(amqp_url=URL)


def test_the_default_name_is_the_host_with_a_number() -> None:
    assert ExecutorSettings(amqp_url=URL).executor_name.endswith("-1")


@pytest.mark.parametrize("slots", [0, 257])
def test_slots_have_bounds(slots: int) -> None:
    with pytest.raises(ValidationError, match="executor_slots"):
        ExecutorSettings(amqp_url=URL, executor_slots=slots)


@pytest.mark.parametrize(
    "user", ["portal", "10001", "0:0", "0:10001", "10001:0", "10001:10001:1", "-1:1", ""]
)
def test_a_user_that_is_root_or_no_number_is_refused(monkeypatch: pytest.MonkeyPatch, user: str) -> None:
    monkeypatch.setenv("PORTAL_EXECUTOR_USER", user)

    with pytest.raises(ValidationError, match="by number, not root's"):
        ExecutorSettings(amqp_url=URL)


def test_the_user_is_read_as_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORTAL_EXECUTOR_USER", "10001:10002")

    assert ExecutorSettings(amqp_url=URL).executor_user == (10001, 10002)


def test_the_grant_key_is_read_from_a_file_among_the_secrets(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "portal_grant_key").write_text("5e" * 32 + "\n")
    monkeypatch.setenv("PORTAL_SECRETS_DIR", str(tmp_path))

    assert ExecutorSettings(amqp_url=URL).grant_key() == b"5e" * 32


def test_a_grant_key_that_is_too_short_is_refused_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "portal_grant_key").write_text("5e" * 15)
    monkeypatch.setenv("PORTAL_SECRETS_DIR", str(tmp_path))

    with pytest.raises(SystemExit, match="portal_grant_key is too short: write 64"):
        ExecutorSettings(amqp_url=URL).grant_key()


@pytest.mark.parametrize("other", ["PORTAL_EXECUTOR_NAME", "PORTAL_EXECUTOR_HOME"])
def test_a_prefix_and_a_name_of_its_own_exclude_each_other(
    monkeypatch: pytest.MonkeyPatch, other: str
) -> None:
    monkeypatch.setenv("PORTAL_EXECUTOR_PREFIX", "docker")
    monkeypatch.setenv(other, "docker-7")

    with pytest.raises(ValidationError, match="chooses name and folder by itself"):
        ExecutorSettings(amqp_url=URL)


@pytest.mark.parametrize("prefix", ["", "a/b", "../a", "a" * 101])
def test_a_prefix_that_is_no_name_is_refused(prefix: str) -> None:
    with pytest.raises(ValidationError, match="name or prefix"):
        ExecutorSettings(amqp_url=URL, executor_prefix=prefix)
