"""The container files as their own judges read them: no Docker engine is needed."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "deploy" / "requirements" / "checks.lock"
# The first use installs them: 130 MB.
pytestmark = pytest.mark.timeout(300)
APPS = ("secrets", "migrate", "rotate-key", "scheduler", "executor", "ui")


def judged(*command: str) -> str:
    """Run one of the judges, pinned by their lock, in an environment that uv keeps for them."""
    uv = (Path(sys.executable).with_name("uv"), "run", "--quiet", "--no-project", "--with-requirements", LOCK)
    ours = {key: value for key, value in os.environ.items() if not key.startswith(("PORTAL_", "COMPOSE_"))}
    done = subprocess.run(
        [*uv, "--", *command], cwd=ROOT, env=ours, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    """Return the services as compose reads them, with PostgreSQL, and nothing taken from the caller."""
    config = judged(
        "docker-compose", "--profile", "*", "--env-file", "/dev/null", "config", "--format", "json"
    )
    found: dict[str, Any] = json.loads(config)["services"]
    return found


def test_the_dockerfile_pleases_hadolint() -> None:
    judged("hadolint", "Dockerfile")


def test_compose_yaml_keeps_to_the_compose_specification() -> None:
    judged("check-jsonschema", "--builtin-schema", "vendor.compose-spec", "compose.yaml")


@pytest.mark.parametrize("profile", ["", "postgres"])
def test_compose_understands_it_with_each_profile(profile: str) -> None:
    judged("docker-compose", "--profile", profile, "config", "--quiet")


def test_a_service_has_the_rights_it_needs_and_no_others(services: dict[str, Any]) -> None:
    rights = {
        name: (service.get("user"), sorted(service.get("cap_add", [])), sorted(service.get("networks") or []))
        for name, service in services.items()
    }

    assert rights == {
        "secrets": ("0:0", ["CHOWN", "DAC_OVERRIDE", "FOWNER"], []),
        "migrate": (None, [], ["core"]),
        "rotate-key": ("0:0", ["CHOWN", "DAC_OVERRIDE", "FOWNER"], ["core"]),
        "scheduler": (None, [], ["core"]),
        "ui": (None, [], ["core"]),
        "executor": ("0:0", ["CHOWN", "KILL", "SETGID", "SETUID"], ["executors"]),
        "rabbitmq": ("999:999", [], ["core", "executors"]),
        "postgres": ("999:999", [], ["core"]),
    }
    assert services["secrets"]["network_mode"] == "none"
    assert {service.get("network_mode") for name, service in services.items() if name != "secrets"} == {None}


def test_every_service_is_fenced_in(services: dict[str, Any]) -> None:
    for name, service in services.items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["pids_limit"] > 0, name
        assert int(service["mem_limit"]) > 0, name
        assert {"privileged", "pid", "ipc", "devices"}.isdisjoint(service), name
        assert not any("docker.sock" in volume["source"] for volume in service["volumes"]), name


@pytest.mark.parametrize("name", APPS)
def test_a_service_of_ours_writes_nowhere_but_to_its_volume(services: dict[str, Any], name: str) -> None:
    assert services[name]["read_only"]
    assert services[name]["init"]


def test_only_loopback_is_published(services: dict[str, Any]) -> None:
    published = [port for service in services.values() for port in service.get("ports", [])]

    assert {port["host_ip"] for port in published} == {"127.0.0.1"}
    assert {port["target"] for port in published} == {8080, 15672}


def test_an_executor_is_told_no_database(services: dict[str, Any]) -> None:
    told = [
        name for name, service in services.items() if "PORTAL_DATABASE_URL" in service.get("environment", {})
    ]

    assert sorted(told) == ["migrate", "rotate-key", "scheduler", "ui"]


def test_each_reader_mounts_its_own_secrets_alone(services: dict[str, Any]) -> None:
    mounted = {
        name: sorted(v["source"] for v in service["volumes"] if v["source"].startswith("secrets-"))
        for name, service in services.items()
        if name != "secrets"
    }

    assert mounted == {
        "rabbitmq": ["secrets-rabbitmq"],
        "postgres": ["secrets-postgres"],
        "migrate": ["secrets-scheduler"],
        "rotate-key": ["secrets-executor", "secrets-scheduler", "secrets-ui"],
        "scheduler": ["secrets-scheduler"],
        "executor": ["secrets-executor"],
        "ui": ["secrets-ui"],
    }


def test_nothing_secret_stands_in_an_environment(services: dict[str, Any]) -> None:
    names = {name for service in services.values() for name in service.get("environment", {})}

    assert [name for name in names if "AMQP" in name or name.endswith("KEY")] == []
    assert {name for name in names if "PASSWORD" in name} == {"POSTGRES_PASSWORD_FILE"}
