"""What exactly is executed for a script: its argument list and its whole environment. Pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

from shared.domain.parameters import Value, text_of, variable_of
from shared.domain.script import PYTHON, SHELL, Interpreters, is_runnable
from shared.messages.answers import Grant

SECRETS = ".secrets"
"""The folder of a run's secret files, in its working directory."""
ARTIFACTS = ".artifacts"
"""The folder of what is kept of a run's files, there, too."""
SCRIPT_FD = 100
"""The descriptor of a pinned script's copy: above what shells and scripts use by number."""
_COPY = f"/proc/self/fd/{SCRIPT_FD}"
# As `python script.py` does it, but for where the text comes from; neither it nor its names are seen by the
# script or stand in a traceback.
_RUN_COPY = f"""
import sys
def begin():
    import importlib.machinery, os
    sys.argv[:] = sys.argv[1:]
    path = sys.argv[0]
    sys.path[0] = os.path.dirname(path)
    with os.fdopen({SCRIPT_FD}, "rb") as copy:
        text = copy.read()
    own = sys.modules["__main__"].__dict__
    loader = importlib.machinery.SourceFileLoader("__main__", path)
    own.update(__file__=path, __cached__=None, __loader__=loader)
    usual = sys.excepthook
    def hook(kind, error, trace):
        while trace and trace.tb_frame.f_code.co_filename == "<string>":
            trace = trace.tb_next
        usual(kind, error.with_traceback(trace), trace)
    sys.excepthook = hook
    del own["begin"], own["sys"]
    return compile(text, path, "exec", dont_inherit=True)
exec(begin())
"""
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class NotRunnable(Exception):  # noqa: N818 - says what the script is
    """The script cannot be started; the message says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What a run is given in the clear besides its arguments; no text made of this shows a value."""

    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    files: Mapping[str, str] = field(default_factory=dict, repr=False)
    """By the variable that says where each is."""
    problem: str = ""
    """Why something cannot be given: then the run must not start."""

    @property
    def values(self) -> tuple[str, ...]:
        """Return what nobody may read in the run's output."""
        return (*self.env.values(), *self.files.values())


NOTHING = Given()


@dataclass(frozen=True, slots=True, kw_only=True)
class Programs:
    """What runs scripts, by their extensions."""

    python: PurePosixPath
    others: Interpreters = field(default_factory=dict)

    def of(self, extension: str) -> tuple[str, ...]:
        """Return the command that takes the script as its next argument; empty: the script itself."""
        if extension == PYTHON:
            # -u: output is seen when it is printed. -s: the person's own packages stay out.
            # Not -I: it would break imports of modules beside the script.
            return (str(self.python), "-u", "-B", "-s")
        return self.others.get(extension, ("/bin/sh",) if extension == SHELL else ())

    def setting_of(self, extension: str) -> str:
        """Return the setting that names the extension's program; empty: none does."""
        if extension == PYTHON:
            return "PORTAL_SCRIPT_PYTHON"
        return "PORTAL_INTERPRETERS" if extension in self.others else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """An argument list, never a shell string, and an environment in which nothing is inherited."""

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(repr=False)
    files: Mapping[str, str] = field(default_factory=dict, repr=False)
    """To be written into the folder SECRETS before the start, for the run's user alone: names and texts."""
    interpreter: str = ""
    """The setting that names the program, where it is not the script itself."""

    def within(self, environment: PurePosixPath) -> "Command":
        """Return the same with an environment's Python and programs: a Python script's alone."""
        programs = environment / "bin"
        env = {**self.env, "VIRTUAL_ENV": str(environment), "PATH": f"{programs}:{self.env['PATH']}"}
        return replace(self, argv=(str(programs / "python"), *self.argv[1:]), env=env)

    def keeping(self, folder: PurePosixPath) -> "Command":
        """Return the same with the folder of what is kept named to the script."""
        return replace(self, env={**self.env, "PORTAL_ARTIFACTS": str(folder)})

    def remembering(self, folder: PurePosixPath) -> "Command":
        """Return the same with the folder that its job keeps between runs named to the script."""
        return replace(self, env={**self.env, "PORTAL_STATE_DIR": str(folder)})


def command_for(
    grant: Grant,
    given: Given,
    *,
    script: PurePosixPath,
    executable: bool,
    programs: Programs,
    work_dir: PurePosixPath,
) -> Command:
    """Return how to run `script`, an absolute path that was resolved inside the scripts directory.

    Of a grant with a pin, the text comes from descriptor `SCRIPT_FD` and not from the path again.

    Raises:
        NotRunnable: when neither the name nor the file's mode says how.
    """
    extension = script.suffix
    if not is_runnable(script.name, executable=executable, interpreters=programs.others):
        raise NotRunnable(
            f"scripts/{script.name} is neither {', '.join((PYTHON, SHELL, *programs.others))} "
            "nor executable. Give it a #! line and run chmod +x on it, or rename it, "
            "or name the program that runs such files in PORTAL_INTERPRETERS."
        )
    program = programs.of(extension)
    started = (str(script),) if grant.pinned_sha256 is None else _of_copy(script)
    argv = (*program, *started, *grant.args)
    files = {variable.removesuffix("_FILE"): text for variable, text in given.files.items()}
    paths = {f"{name}_FILE": str(work_dir / SECRETS / name) for name in files}
    # Ours last: nothing that was stored takes the place of what every run relies on.
    return Command(
        argv=argv,
        env={**given.env, **paths, **_environment(grant, work_dir)},
        files=files,
        interpreter=programs.setting_of(extension),
    )


def _of_copy(script: PurePosixPath) -> tuple[str, ...]:
    match script.suffix:
        case ".py":
            return ("-c", _RUN_COPY, str(script))
        case ".sh":
            return ("-c", f". {_COPY}", str(script))
        case _:
            return (_COPY,)


def _environment(grant: Grant, work_dir: PurePosixPath) -> dict[str, str]:
    nominal_at = grant.nominal_at.isoformat().replace("+00:00", "Z")
    return {
        "PATH": PATH,
        "HOME": str(work_dir),
        "TMPDIR": str(work_dir),
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        "PORTAL_RUN_ID": str(grant.run_id),
        "PORTAL_JOB": grant.job_name,
        "PORTAL_ATTEMPT": str(grant.number),
        "PORTAL_NOMINAL_AT": nominal_at,
        **_parameters(grant.parameters),
    }


def _parameters(values: Mapping[str, Value] | None) -> dict[str, str]:
    if values is None:
        return {}
    texts = {variable_of(name): text_of(value) for name, value in values.items()}
    return {**texts, "PORTAL_PARAMS": json.dumps(values, ensure_ascii=False)}
