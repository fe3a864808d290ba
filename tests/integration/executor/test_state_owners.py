# ruff: noqa: ASYNC240 - files of the test itself, which block nobody
"""Whose the folder that a job keeps is: its user, other levels, other executors, and nobody."""

import asyncio
import os
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import pytest

from services.executor.privileges import become
from services.executor.sandbox import state
from services.executor.sandbox.command import NotRunnable
from services.executor.sandbox.leftovers import owned_by
from services.executor.sandbox.level import Ground
from shared.domain.ids import new_id
from tests.integration.executor.fenced import fenced
from tests.integration.executor.keeping import COUNTS, LEVELS, a_job, ground_with_states, printed_by, run_of

KEEPS = """
import os
print("some" if "PORTAL_STATE_DIR" in os.environ else "none")
"""


@pytest.fixture
def ground() -> Iterator[Ground]:
    with ground_with_states() as made:
        yield made


async def test_jobs_that_begin_at_once_at_two_executors_have_each_a_user_of_their_own(ground: Ground) -> None:
    sandboxes = [await fenced("restricted", ground) for _ in range(2)]
    jobs = [a_job(ground, "import os; print(os.getuid())") for _ in range(4)]

    said = await asyncio.gather(*(printed_by(job, sandbox) for job in jobs for sandbox in sandboxes))

    users = [line.strip() for line in said]
    assert users[::2] == users[1::2]
    assert len(set(users)) == len(jobs)
    for sandbox in sandboxes:
        sandbox.close()


@LEVELS
@pytest.mark.parametrize("fault", ["a file", "closed"])
async def test_jobs_keep_none_where_none_can_be_and_a_start_that_finds_it_uses_it(
    ground: Ground, level: str, fault: str
) -> None:
    assert ground.states
    job, states, above = a_job(ground, KEEPS), ground.states, ground.states.parent / "above"
    if fault == "closed":
        if level == "process" or os.geteuid() != 0:
            pytest.skip("whose runs have no users of their own passes his own folders")
        above.mkdir(mode=0o700)
        (above / "states").mkdir(mode=0o755)
        ground, states = replace(ground, states=above / "states"), above / "states"
    else:
        states.rmdir()
        states.touch()
    sandbox = await fenced(level, ground)

    assert await printed_by(job, sandbox) == "none\n"
    assert str(states) in sandbox.lacks_states
    assert ("no job folders" in sandbox.features, sandbox.kept()) == (True, [])
    sandbox.close()
    if fault == "closed":
        above.chmod(0o711)
    else:
        states.unlink()
        states.mkdir(mode=0o755)
    sandbox = await fenced(level, ground)

    assert "no job folders" not in sandbox.features
    assert await printed_by(job, sandbox) == "some\n"
    sandbox.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has other users' folders")
async def test_a_folder_of_another_level_is_not_taken_over(ground: Ground) -> None:
    job = a_job(ground, COUNTS)
    for level, other in (("process", "restricted"), ("restricted", "process")):
        sandbox, next_one = await fenced(level, ground), await fenced(other, ground)
        await printed_by(job, sandbox)

        with pytest.raises(NotRunnable, match="another level"):
            await run_of(job, next_one).end()

        await sandbox.forget(str(job))
        for one in (sandbox, next_one):
            one.close()


def test_of_runs_that_end_at_the_same_time_exactly_one_is_the_last(tmp_path: Path) -> None:
    # Each has ended what it started, and has still to remove what the job's user left in shared folders.
    job = str(new_id())
    runs = [state.take(str(tmp_path), job, own_users=False) for _ in range(3)]

    said = [run.is_last() for run in runs]

    assert said == [False, False, True]
    for run in runs:
        run.close()


def test_folders_are_made_while_those_of_other_jobs_go(tmp_path: Path) -> None:
    def makes_and_removes() -> None:
        for _ in range(1000):
            held = state.take(str(tmp_path), str(new_id()), own_users=os.geteuid() == 0)
            assert held.is_alone()
            held.remove()
            held.close()

    others = [get_context("fork").Process(target=makes_and_removes) for _ in range(2)]
    for other in others:
        other.start()
    for other in others:
        other.join()

    assert [other.exitcode for other in others] == [0, 0]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another user")
def test_whose_own_group_has_the_number_of_a_job_s_has_folders_too(ground: Ground) -> None:
    def take() -> None:
        become(50_000, 50_000)
        state.take(str(ground.states), str(new_id()), own_users=False).close()

    assert ground.states
    ground.states.chmod(0o777)
    other = get_context("fork").Process(target=take)
    other.start()
    other.join()

    assert other.exitcode == 0


def test_what_root_has_in_shared_folders_is_nobodys_to_remove() -> None:
    with tempfile.NamedTemporaryFile(dir="/tmp") as some:
        own = Path(some.name).stat().st_uid

        assert list(owned_by(0)) == []
        assert own == 0 or some.name in set(owned_by(own))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root starts runs of other users")
async def test_a_folder_that_was_never_handed_over_goes_alone(ground: Ground) -> None:
    (ground.users_root / "left").mkdir(parents=True)
    (ground.users_root / "left" / "file").touch()
    with tempfile.NamedTemporaryFile(dir="/tmp") as some:
        (await fenced("restricted", ground)).close()

        assert not (ground.users_root / "left").exists()
        assert Path(some.name).exists()
