"""Scripts that name their packages: environments are made, shared, kept, bounded, and never half there."""

import asyncio
import math
import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from services.executor.environments import Environments, NoEnvironment, Rules, make_folder
from services.executor.sandbox.command import NOTHING, NotRunnable
from services.executor.sandbox.inline import Wanted, wanted_by
from services.executor.sandbox.level import Ground, Sandbox, choose
from shared.messages.events import Stream
from shared.runtime.clock import SystemClock
from tests.integration.executor.fenced import a_ground, fenced
from tests.integration.executor.packages import BLOCK, GREETS, offline, write_source, write_wheel
from tests.unit.services.executor.grants import a_grant

REPOSITORY = Path(__file__).parents[3]


@pytest.fixture
def ground() -> Iterator[Ground]:
    """With packages beside it."""
    with a_ground() as made:
        links = made.home.with_name("links")
        write_wheel(links)
        write_source(links)
        yield replace(made, readable=(str(links),), environments=made.home.with_name("environments"))


def rules(ground: Ground, **other: object) -> Rules:
    assert ground.environments is not None
    make_folder(ground.environments)
    of_all = {
        "folder": ground.environments,
        "uv": REPOSITORY / ".venv" / "bin" / "uv",
        "timeout_s": 60.0,
        "most": 20,
        "most_bytes": 1_000_000_000,
        "builds": False,
        "variables": offline(ground.home.with_name("links")),
    }
    return Rules(**{**of_all, **other})  # type: ignore[arg-type]


def wanted(*dependencies: str, requires: str = "") -> Wanted:
    listed = ", ".join(f'"{one}"' for one in dependencies)
    python = f'# requires-python = "{requires}"\n' if requires else ""
    asked = wanted_by("a.py", BLOCK.format(wanted=listed, python=python).encode(), None)
    assert asked is not None
    return asked


def held_in(ground: Ground) -> list[str]:
    assert ground.environments is not None
    return sorted(path.suffix or "folder" for path in ground.environments.iterdir())


@pytest.fixture
async def sandbox(ground: Ground) -> AsyncIterator[Sandbox]:
    sandbox = await choose("process", ground)
    yield sandbox
    sandbox.close()


@pytest.mark.parametrize("level", ["process", "restricted", "isolated"])
async def test_at_every_level_a_script_has_its_packages_and_cannot_change_them(
    ground: Ground, level: str
) -> None:
    sandbox = await fenced(level, ground)
    assert sandbox._spawner is not None
    sandbox._spawner._places[1:] = []  # every script has the same user, were it only by chance
    (ground.scripts_dir / "greets.py").write_text(GREETS)
    environments = Environments(rules(ground), sandbox, SystemClock())
    said = list[str]()
    printed = bytearray()

    def take(_: Stream, read: memoryview) -> bool:
        printed.extend(read)
        return False

    for _ in range(2):
        asked = sandbox.wanted(a_grant(script="greets.py"))
        assert asked is not None
        environment = await environments.obtain(asked, said.append)
        order = sandbox.prepare(
            a_grant(script="greets.py"),
            NOTHING,
            lease_until=math.inf,
            spawn_until=math.inf,
            environment=environment.path,
        )
        await sandbox.start(order, take).gone
        environments.let_go(environment)
    first, second = printed.decode().splitlines()
    whole = held_in(ground)
    # One more than there may be: the first, which nobody uses, goes; whoever made it.
    other = Environments(rules(ground, most=1), sandbox, SystemClock())
    await other.obtain(wanted("greeting", requires=">=3"), said.append)

    sandbox.close()
    is_open, has_one_user = level == "process", level == "process" or os.geteuid() != 0
    assert first == second == f"hello {is_open} {is_open} {environment.path} {has_one_user}"
    assert "".join(said).count("Preparing the environment: greeting]") == 1
    assert " + greeting==1.0" in "".join(said)
    assert whole == held_in(ground) == [".json", "folder"]


async def test_those_who_want_one_at_the_same_time_share_it_and_its_failure(
    ground: Ground, sandbox: Sandbox
) -> None:
    environments = Environments(rules(ground), sandbox, SystemClock())
    said = list[str]()

    async def failure() -> str:
        with pytest.raises(NoEnvironment) as refused:
            await environments.obtain(wanted("reqests"), said.append)
        return str(refused.value)

    async with asyncio.TaskGroup() as group:
        good = [group.create_task(environments.obtain(wanted("greeting"), said.append)) for _ in range(4)]
        bad = [group.create_task(failure()) for _ in range(3)]

    assert len({one.result().path for one in good}) == 1
    assert "".join(said).count("Installed 1 package") == 1
    (words,) = {one.result() for one in bad}
    assert "no package `reqests` is known to the index" in words
    assert "".join(said).count("reqests was not found") == 1
    assert held_in(ground) == [".json", "folder"]


async def test_a_script_that_has_its_packages_from_elsewhere_shares_no_environment(
    ground: Ground, sandbox: Sandbox
) -> None:
    environments = Environments(rules(ground), sandbox, SystemClock())
    wheel = write_wheel(ground.home.with_name("elsewhere"))
    block = BLOCK.format(wanted='"greeting"', python="")
    sources = f'# [tool.uv.sources]\n# greeting = {{ path = "{wheel}" }}\n# ///\n'
    elsewhere = wanted_by("b.py", block.replace("# ///\n", sources).encode(), None)
    assert elsewhere is not None
    said = list[str]()

    made = await environments.obtain(elsewhere, said.append)
    usual = await environments.obtain(wanted("greeting"), said.append)

    assert f"greeting==1.0 (from file://{wheel})" in "".join(said)
    assert usual.path != made.path


async def test_an_executor_that_asks_another_index_makes_another_environment(
    ground: Ground, sandbox: Sandbox
) -> None:
    usual = offline(ground.home.with_name("links"))
    made = []
    for more in ({}, {"UV_EXTRA_INDEX_URL": "http://a:b@h/x"}, {"UV_EXTRA_INDEX_URL": "http://a:c@h/x"}):
        environments = Environments(rules(ground, variables={**usual, **more}), sandbox, SystemClock())
        made.append(await environments.obtain(wanted("greeting"), lambda _: None))

    # Not of another password, of which scripts would learn something by the path.
    assert [one.made_in_s is None for one in made] == [False, False, True]
    assert len({one.key for one in made}) == 2


async def test_a_lock_that_cannot_be_used_is_not_passed_over(ground: Ground, sandbox: Sandbox) -> None:
    (ground.scripts_dir / "greets.py").write_text(GREETS)
    unlocked = sandbox.wanted(a_grant(script="greets.py"))
    (ground.scripts_dir / "greets.py.lock").symlink_to("greets.py")

    with pytest.raises(
        NotRunnable, match=r"the lock cannot be used. scripts/greets.py.lock goes through a sym"
    ):
        sandbox.wanted(a_grant(script="greets.py"))

    assert unlocked is not None
    assert unlocked.lock is None


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (wanted("tardy"), "has no wheel for this machine, and none is built here"),
        (wanted("greeting", requires=">=4"), "asks for Python >=4, and this executor"),
        (replace(wanted("greeting"), lock=b"version = 1\nrequires-python = '>=3.11'\n"), "lockfile"),
    ],
)
async def test_what_cannot_be_made_is_said_and_leaves_nothing(
    ground: Ground, sandbox: Sandbox, asked: Wanted, says: str
) -> None:
    environments = Environments(rules(ground), sandbox, SystemClock())

    with pytest.raises(NoEnvironment, match=says):
        await environments.obtain(asked, lambda _: None)

    assert held_in(ground) == []


@pytest.mark.parametrize("is_cancelled", [True, False])
async def test_a_making_ends_at_its_limit_and_when_nobody_wants_it_any_more(
    ground: Ground, sandbox: Sandbox, *, is_cancelled: bool
) -> None:
    """The package's own code runs, builds being allowed, and would do so for ever."""
    limit_s = 1000.0 if is_cancelled else 3.0
    environments = Environments(rules(ground, builds=True, timeout_s=limit_s), sandbox, SystemClock())
    patience = asyncio.timeout(None)

    def hear(text: str) -> None:
        if is_cancelled and "Preparing" not in text:
            patience.reschedule(0)

    async def obtain() -> None:
        async with patience:
            await environments.obtain(wanted("tardy"), hear)

    with pytest.raises(TimeoutError if is_cancelled else NoEnvironment) as ended:
        await obtain()

    assert is_cancelled or "took longer than 3 s" in str(ended.value)
    assert held_in(ground) == []


HOARDS = "kept = os.urandom(80_000_000)"
FILLS = "[open(f'{os.environ[\"UV_CACHE_DIR\"]}/{n}', 'wb').write(bytes(800_000)) for n in range(100)]"


@pytest.mark.parametrize(
    ("level", "does", "most", "says"),
    [
        ("process", HOARDS, {"memory_bytes": 64_000_000}, "64 MB of memory. Ask for fewer packages"),
        ("process", FILLS, {"most_bytes": 40_000_000}, "40 MB of disk. Ask for fewer packages"),
        ("isolated", FILLS, {"most_bytes": 40_000_000}, "40 MB of disk. Ask for fewer packages"),
    ],
)
async def test_a_making_that_takes_too_much_is_stopped(
    ground: Ground, level: str, does: str, most: dict[str, int], says: str
) -> None:
    sandbox = await fenced(level, ground)
    environments = Environments(rules(ground, builds=True, **most), sandbox, SystemClock())
    write_source(ground.home.with_name("links"), does)

    with pytest.raises(NoEnvironment, match=says):
        await environments.obtain(wanted("tardy"), lambda _: None)

    sandbox.close()
    assert held_in(ground) == []


async def test_what_an_interrupted_making_left_is_removed_and_made_anew(
    ground: Ground, sandbox: Sandbox
) -> None:
    environments = Environments(rules(ground), sandbox, SystemClock())
    made = await environments.obtain(wanted("greeting"), lambda _: None)
    environments.let_go(made)
    made.path.parent.with_name(f"{made.key}.json").unlink()
    (made.path / "lib" / "half").touch()
    (made.path.parent.with_name("f" * 32) / "deep").mkdir(parents=True)

    again = await environments.obtain(wanted("greeting"), lambda _: None)

    assert again.path == made.path
    assert not (made.path / "lib" / "half").exists()
    assert held_in(ground) == [".json", "folder"]
