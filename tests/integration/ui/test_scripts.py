"""What of the scripts directory can be chosen."""

from pathlib import Path

import pytest

from services.ui import scripts
from shared.domain.errors import InvalidInput


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
    return root


def test_only_what_can_run_is_listed(root: Path) -> None:
    assert scripts.listed(root) == ("a b.sh", "hello.py", "ledger/close.py")


def test_a_directory_that_does_not_exist_holds_nothing(tmp_path: Path) -> None:
    assert scripts.listed(tmp_path / "nowhere") == ()


@pytest.mark.parametrize("name", ["hello.py", "ledger/close.py"])
def test_what_is_there_is_accepted(root: Path, name: str) -> None:
    scripts.check_exists(root, name)


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
    ],
)
def test_what_is_not_there_is_named_with_what_was_meant(root: Path, name: str, says: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        scripts.check_exists(root, name)

    assert refused.value.field == "script"
    assert says in refused.value.message
