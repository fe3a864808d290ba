"""What of the scripts directory can be chosen."""

import os
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from services.ui.scripts import Scripts
from shared.domain.errors import InvalidInput
from shared.runtime.script_files import read_script


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "scripts"
    for name in ["hello.py", "ledger/close.py", ".hidden.py", ".git/config", "__pycache__/x.pyc", "a b.sh"]:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    (tmp_path / "secret.py").touch()
    (root / "link.py").symlink_to(tmp_path / "secret.py")
    (root / "out").symlink_to(tmp_path)
    (root / " odd.py").touch()
    for name in ("notes.txt", "report.rb", "tool"):
        (root / name).touch()
    (root / "tool").chmod(0o755)
    return root


def test_only_what_can_run_is_listed(root: Path) -> None:
    with_ruby = Scripts(root, {".rb": ("/usr/bin/ruby",)})

    assert Scripts(root).listed() == ("a b.sh", "hello.py", "ledger/close.py", "tool")
    assert set(with_ruby.listed()) - set(Scripts(root).listed()) == {"report.rb"}


def test_a_directory_that_does_not_exist_holds_nothing(tmp_path: Path) -> None:
    assert Scripts(tmp_path / "nowhere").listed() == ()


@pytest.mark.parametrize("name", ["hello.py", "ledger/close.py", "tool"])
def test_what_is_there_is_accepted(root: Path, name: str) -> None:
    Scripts(root).check(name)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("helo.py", "Did you mean hello.py?"),
        ("close.py", "Did you mean ledger/close.py?"),
        ("ledger", ""),
        ("link.py", ""),
        ("out/secret.py", ""),
        ("hello.py/x", ""),
        ("zzzzzzzzzz", "Put it into the scripts directory first."),
        ("n" * 255, ""),
        ("report.rb", "PORTAL_INTERPRETERS"),
    ],
)
def test_what_is_not_there_is_named_with_what_was_meant(root: Path, name: str, says: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        Scripts(root).check(name)

    assert refused.value.field == "script"
    assert says in refused.value.message


@pytest.mark.parametrize(("bound", "count"), [("MAX_SCRIPTS", 2), ("_MAX_FOLDERS", 1), (None, 9)])
def test_a_listing_that_leaves_something_out_says_so(
    root: Path, monkeypatch: pytest.MonkeyPatch, bound: str | None, count: int
) -> None:
    if bound:
        monkeypatch.setattr(f"services.ui.scripts.{bound}", count)

    found, is_cut = Scripts(root).looked_through()

    assert is_cut == bool(bound)
    assert len(found) == (8 if bound == "_MAX_FOLDERS" else count)


def test_a_file_of_a_year_that_no_calendar_has_is_listed_and_read() -> None:
    # A file system in memory: those on disks hold back such years.
    with TemporaryDirectory(dir="/dev/shm") as folder:
        path = Path(folder, "far.py")
        path.touch()
        os.utime(path, (4e11, 4e11))

        (listed,), _ = Scripts(path.parent).looked_through()

        read = read_script(path.parent, "far.py")

    assert (listed.changed_at, read.changed_at) == (datetime(9999, 1, 1, tzinfo=UTC),) * 2
