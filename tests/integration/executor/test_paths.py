import hashlib
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from services.executor.sandbox.command import NotRunnable
from services.executor.sandbox.paths import resolve
from shared.runtime import script_files
from shared.runtime.script_files import open_beneath, open_part_by_part


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A scripts directory with one of everything that a name can meet."""
    root = tmp_path / "scripts"
    (root / "sub" / "deep").mkdir(parents=True)
    (root / "ok.py").write_text("1")
    (root / "sub" / "deep" / "ok.py").write_text("1")
    (root / "sub" / "with space.py").write_text("1")
    (root / "Ünïcode.py").write_text("1")
    (root / "run.me").write_text("#!/bin/sh")
    (root / "run.me").chmod(0o755)
    (root / ".hidden.py").write_text("1")
    (tmp_path / "outside.py").write_text("secret")
    (tmp_path / "scripts-evil").mkdir()
    (tmp_path / "scripts-evil" / "x.py").write_text("1")
    (root / "link_out.py").symlink_to(tmp_path / "outside.py")
    (root / "link_in.py").symlink_to("ok.py")
    (root / "linked_dir").symlink_to("sub")
    (root / "dangling.py").symlink_to("nowhere")
    (root / "self").symlink_to("self")
    (root / "proc").symlink_to("/proc/self/root")
    os.link(tmp_path / "outside.py", root / "hard.py")
    os.mkfifo(root / "fifo.py")
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(os.path.relpath(root / "socket.py"))  # a path of its own may be too long for a socket
    return root


@pytest.mark.parametrize(
    "name", ["ok.py", "sub/deep/ok.py", "sub/with space.py", "Ünïcode.py", "U\u0308nïcode.py"]
)
def test_a_plain_file_below_the_root_is_found(root: Path, name: str) -> None:
    found = resolve(root, name)

    assert found.path.is_relative_to(root)
    assert found.path.is_file()
    assert not found.executable


def test_the_mode_says_whether_a_file_is_executable(root: Path) -> None:
    assert resolve(root, "run.me").executable


REFUSED = [
    ("../outside.py", "'..'"),
    ("sub/../../outside.py", "'..'"),
    ("sub/../ok.py", "'..'"),
    ("..", "'..'"),
    ("/etc/passwd", "leading /"),
    ("//etc/passwd", "leading /"),
    ("../scripts-evil/x.py", "'..'"),
    ("", "Choose a script"),
    (".", "empty part"),
    ("./ok.py", "empty part"),
    ("sub//deep/ok.py", "empty part"),
    ("sub/", "empty part"),
    (".hidden.py", "Hidden"),
    ("ok.py\0.sh", "control character"),
    ("ok.py\n", "control character"),
    ("sub\\ok.py", "Use / between"),
    (" ok.py", "space"),
    ("ok.py ", "space"),
    ("ok.py\u200b", "control character"),
    ("\udcff.py", "control character"),
    ("a/" * 200 + "x.py", "longer than 255"),
    ("link_out.py", "symbolic link"),
    ("link_in.py", "symbolic link"),
    ("linked_dir/deep/ok.py", "symbolic link"),
    ("dangling.py", "symbolic link"),
    ("self", "symbolic link"),
    ("proc/etc/passwd", "symbolic link"),
    ("hard.py", "hard link"),
    ("fifo.py", "not a plain file"),
    ("sub", "not a plain file"),
    ("gone.py", "does not exist any more. Restore it or edit the job"),
    ("ok.py/x", "does not exist any more"),
    ("sub/gone/x.py", "does not exist any more"),
    ("...", "Hidden"),
    ("sub/.git/config", "Hidden"),
    ("~/ok.py/..", "'..'"),
    ("sub/deep/../../../outside.py", "'..'"),
    ("file:///etc/passwd", "empty part"),
    ("ok.py\r\n#", "control character"),
    ("\x1b[2Jok.py", "control character"),
    ("o\u202eyp.k", "control character"),
    ("\ufeffok.py", "control character"),
    ("sub\u2028/..", "space"),
    ("\u00a0ok.py", "space"),
    ("..\u2215outside.py", "Hidden"),
    ("\uff0e\uff0e/outside.py", "does not exist any more"),
    ("%2e%2e/outside.py", "does not exist any more"),
    ("$(id).py", "does not exist any more"),
    ("-c", "does not exist any more"),
    ("proc/self/environ", "symbolic link"),
    ("linked_dir/../link_out.py", "'..'"),
    ("socket.py", "cannot be opened"),
]


@pytest.mark.parametrize(("name", "words"), REFUSED)
def test_whatever_else_is_refused_in_words(root: Path, name: str, words: str) -> None:
    with pytest.raises(NotRunnable) as caught:
        resolve(root, name)

    assert words in str(caught.value)


@pytest.mark.parametrize("name", [name for name, _ in REFUSED])
def test_older_kernels_refuse_the_same(root: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(script_files, "open_beneath", open_part_by_part)

    with pytest.raises(NotRunnable):
        resolve(root, name)


def test_older_kernels_find_the_same(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(script_files, "open_beneath", open_part_by_part)

    found = resolve(root, "sub/deep/ok.py")

    assert (found.path, found.sha256) == (root / "sub/deep/ok.py", hashlib.sha256(b"1").hexdigest())


@pytest.mark.parametrize("opens", [open_beneath, open_part_by_part])
@pytest.mark.parametrize("name", ["../outside.py", "link_out.py", "linked_dir/deep/ok.py", "proc/etc/passwd"])
def test_the_kernel_refuses_even_what_the_name_rules_would_let_through(
    root: Path, opens: Callable[[int, str], int], name: str
) -> None:
    root_fd = os.open(root, os.O_PATH)

    with pytest.raises(OSError, match=r"symbolic links|cross-device|Not a directory"):
        opens(root_fd, name)

    os.close(root_fd)


def test_a_missing_scripts_directory_is_explained(tmp_path: Path) -> None:
    with pytest.raises(NotRunnable, match="PORTAL_SCRIPTS_DIR"):
        resolve(tmp_path / "nowhere", "ok.py")
