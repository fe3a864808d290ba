"""How an executor is refused its start: one line that says what to do."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.executor.stage import KEY

NOBODY = 61_235


def refused(tmp_path: Path, program: tuple[str, ...] = (sys.executable,), **settings: str) -> list[str]:
    """Start an executor that cannot start and return what it said, line by line."""
    env = {
        "PORTAL_HOME": str(tmp_path),
        "PORTAL_AMQP_URL": "amqp://portal:password@127.0.0.1:1/",
        **settings,
    }
    ended = subprocess.run(
        [*program, "-m", "services.executor"],
        env=env,
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 1
    return ended.stderr.splitlines()


def test_each_wrong_setting_is_said_in_a_line_of_its_own(tmp_path: Path) -> None:
    lines = refused(tmp_path, PORTAL_EXECUTOR_SLOTS="0", PORTAL_EXECUTOR_USER="root")

    assert lines == [
        "PORTAL_EXECUTOR_SLOTS: Input should be greater than or equal to 1",
        "PORTAL_EXECUTOR_USER: give a user and a group by number, not root's, such as 10001:10001",
    ]


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("rb=/usr/bin/ruby", "'rb=/usr/bin/ruby' is no extension and the absolute path of a program"),
        (".rb=ruby", "'.rb=ruby' is no extension and the absolute path of a program"),
        (".py=/usr/bin/python3", ".py scripts are run by PORTAL_SCRIPT_PYTHON"),
        (".a=/bin/sh,.a=/bin/cat", ".a is named twice"),
        (
            ".a=/bin/sh,.b=/bin/absent -x,.c=/etc/passwd",
            "/bin/absent, which is to run .b scripts, does not exist; /etc/passwd, which is to run .c",
        ),
    ],
)
def test_a_map_of_interpreters_that_cannot_work_is_said(tmp_path: Path, value: str, says: str) -> None:
    (line,) = refused(tmp_path, PORTAL_GRANT_KEY=KEY, PORTAL_INTERPRETERS=value)

    assert line.startswith(f"PORTAL_INTERPRETERS: {says}")


def test_a_grant_key_that_is_missing_is_said_before_anything_is_done(tmp_path: Path) -> None:
    (line,) = refused(tmp_path)

    assert line.startswith(f"cannot read the grant key {tmp_path}/secrets/grant.key: No such file")
    assert list(tmp_path.iterdir()) == []


def test_root_without_the_right_to_change_its_user_is_told_so(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can be without that right")
    setpriv = ("/usr/bin/setpriv", "--bounding-set=-setuid", sys.executable)

    (line,) = refused(tmp_path, setpriv, PORTAL_GRANT_KEY=KEY, PORTAL_EXECUTOR_USER=f"{NOBODY}:{NOBODY}")

    assert line == (
        f"PORTAL_EXECUTOR_USER={NOBODY}:{NOBODY}: Operation not permitted. "
        "Give the executor the capabilities SETUID and SETGID."
    )
