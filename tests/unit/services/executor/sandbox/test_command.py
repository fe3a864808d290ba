import json
from pathlib import PurePosixPath

import pytest

from services.executor.sandbox.command import NOTHING, Command, Given, NotRunnable, Programs, command_for
from shared.domain.secret import GIVEN
from shared.messages.answers import Grant
from tests.unit.services.executor.grants import a_grant


def command(grant: Grant, name: str, given: Given = NOTHING, *, executable: bool = False) -> Command:
    return command_for(
        grant,
        given,
        script=PurePosixPath("/root/scripts", name),
        executable=executable,
        programs=Programs(
            python=PurePosixPath("/usr/bin/python3"), others={".js": ("/opt/node/bin/node", "--jitless")}
        ),
        work_dir=PurePosixPath("/runs/1"),
    )


def test_python_runs_unbuffered_without_bytecode_or_personal_packages() -> None:
    assert command(a_grant(), "a.py").argv == ("/usr/bin/python3", "-u", "-B", "-s", "/root/scripts/a.py")


def test_python_scripts_need_no_executable_bit_and_no_shebang() -> None:
    assert command(a_grant(), "a.py", executable=True) == command(a_grant(), "a.py", executable=False)


def test_shell_scripts_run_by_the_system_shell() -> None:
    assert command(a_grant(), "sub/a.sh").argv == ("/bin/sh", "/root/scripts/sub/a.sh")


def test_another_file_runs_by_its_own_shebang_if_it_is_executable() -> None:
    assert command(a_grant(), "tool", executable=True).argv == ("/root/scripts/tool",)


def test_a_file_of_a_named_extension_runs_by_its_program_even_if_it_is_executable() -> None:
    made = command(a_grant(args=("x",)), "a.js", executable=True)

    assert made.argv == ("/opt/node/bin/node", "--jitless", "/root/scripts/a.js", "x")
    assert made.interpreter == "PORTAL_INTERPRETERS"


@pytest.mark.parametrize(
    ("name", "ends_with"),
    [
        ("a.py", ("-s", "-c", ..., "/root/scripts/a.py")),
        ("a.sh", ("/bin/sh", "-c", ". /proc/self/fd/100", "/root/scripts/a.sh")),
        ("a.js", ("/opt/node/bin/node", "--jitless", "/proc/self/fd/100")),
        ("tool", ("/proc/self/fd/100",)),
    ],
)
def test_a_pinned_script_is_read_from_its_copy_and_keeps_its_name_where_it_can(
    name: str, ends_with: tuple[object, ...]
) -> None:
    argv = command(a_grant(pinned_sha256="ab" * 32, args=("x",)), name, executable=True).argv

    *program, argument = argv
    assert argument == "x"
    found = program[-len(ends_with) :]
    assert [mine for mine, wanted in zip(found, ends_with, strict=True) if wanted not in (mine, ...)] == []


def test_another_file_that_is_not_executable_is_refused_with_what_to_do() -> None:
    with pytest.raises(NotRunnable, match=r"scripts/tool\.rb .* chmod \+x"):
        command(a_grant(), "tool.rb")


@pytest.mark.parametrize("argument", ["", "a b", "$(reboot)", '"', "'", "\n", "-c", "*", "é" * 1000])
def test_arguments_arrive_as_they_are(argument: str) -> None:
    argv = command(a_grant(args=("first", argument)), "a.py").argv

    assert argv[-2:] == ("first", argument)


def test_the_environment_is_made_from_nothing_but_the_grant() -> None:
    env = command(a_grant(number=2, job_name="nightly report"), "a.py").env

    assert env == {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": "/runs/1",
        "TMPDIR": "/runs/1",
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        "PORTAL_RUN_ID": "00000000-0000-0000-0000-000000000006",
        "PORTAL_JOB": "nightly report",
        "PORTAL_ATTEMPT": "2",
        "PORTAL_NOMINAL_AT": "2030-01-02T03:04:05Z",
    }


def test_no_secret_can_have_the_name_of_what_every_run_is_given() -> None:
    env = command(a_grant(), "a.py").env

    assert {name for name in env if not name.startswith("PORTAL_")} == GIVEN


def test_a_secret_is_a_variable_or_a_file_that_a_variable_names() -> None:
    given = Given(env={"TOKEN": "one", "PATH": "taken"}, files={"KEY_FILE": "two"})

    made = command(a_grant(), "a.py", given)

    assert made.env["TOKEN"] == "one"
    assert made.env["KEY_FILE"] == "/runs/1/.secrets/KEY"
    assert made.files == {"KEY": "two"}
    assert made.env["PATH"] == command(a_grant(), "a.py").env["PATH"]
    assert not {"one", "two"} & {word for text in (repr(made), repr(given)) for word in text.split("'")}
    assert "one" not in " ".join(made.argv)


def test_parameters_are_a_variable_each_and_one_of_them_all() -> None:
    values = {"rows": 4, "dry": False, "note": "für $(id)", "share": 0.5}

    env = command(a_grant(parameters=values), "a.py").env

    named = {key: value for key, value in env.items() if key.startswith("PORTAL_PARAM")}
    assert json.loads(named.pop("PORTAL_PARAMS")) == values
    assert named == {
        "PORTAL_PARAM_ROWS": "4",
        "PORTAL_PARAM_DRY": "false",
        "PORTAL_PARAM_NOTE": "für $(id)",
        "PORTAL_PARAM_SHARE": "0.5",
    }
