"""What is read of the files that a run left, and what is left out with its reason."""

import os
from pathlib import Path

import pytest

from services.executor.sandbox import harvest


def read(home: Path, most_bytes: int = 1_000) -> tuple[dict[str, bytes], dict[str, str]]:
    """Return what is kept and what is not, by name."""
    kept, left_out = dict[str, bytes](), dict[str, str]()

    def say(words: tuple[str, tuple[object, ...]]) -> None:
        match words:
            case ("file", (str() as name, bytes() as data, bool())):
                assert len(data) <= harvest.PART_BYTES
                kept[name] = kept.get(name, b"") + data
            case ("not kept", (str() as name, str() as why)):
                left_out[name] = why

    harvest.read(os.fsencode(home), "kept", most_bytes, say)
    return kept, left_out


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    (tmp_path / "kept").mkdir()
    return tmp_path / "kept"


def test_plain_files_are_kept_and_nothing_else_is_opened(kept: Path) -> None:
    secret, another = kept.parent / "secret", kept.parent / "another"
    secret.write_text("secret")
    another.write_text("secret")
    (kept / "a" / "b" / "c").mkdir(parents=True)
    (kept / "a" / "b" / "早安 1.csv").write_bytes(b"x" * 100_000)
    (kept / "a" / "b" / "c" / "deep").write_text("deep")
    (kept / "empty").touch()
    (kept / "link").symlink_to(secret)
    (kept / "folder").symlink_to(kept.parent)
    (kept / "second").hardlink_to(another)
    os.mkfifo(kept / "pipe")
    Path(os.fsdecode(bytes(kept) + b"/\xff")).touch()
    for name in (".hidden", "new\nline", "a\\b", " space"):
        (kept / name).touch()
    (kept / ("x" * 200)).mkdir()
    (kept / ("x" * 200) / ("y" * 100)).touch()

    found, left_out = read(kept.parent, 200_000)

    assert found == {"a/b/早安 1.csv": b"x" * 100_000, "empty": b""}
    assert left_out.keys() == {
        *(
            "a/b/c/deep",
            "link",
            "folder",
            "second",
            "pipe",
            "\\xff",
            ".hidden",
            "new\\nline",
            "a\\b",
            " space",
        ),
        f"{'x' * 200}/{'y' * 54}",
    }
    assert all(left_out.values())


def test_what_is_beyond_a_bound_is_told_and_what_fits_is_kept(kept: Path) -> None:
    (kept / "1").write_bytes(b"x" * 900)
    (kept / "2").write_bytes(b"x" * 101)
    (kept / "3").write_bytes(b"x" * 100)
    (kept / "many").mkdir()
    for number in range(harvest.MOST_LOOKED_AT):
        (kept / "many" / f"{number:04}").touch()

    found, left_out = read(kept.parent)

    assert {name: len(data) for name, data in found.items() if data} == {"1": 900, "3": 100}
    assert len(found) == harvest.MOST_FILES
    assert left_out["2"] == "it has 101 bytes, and of 1,000 for the run 100 are left"
    assert left_out["many/0098"] == "only 100 files of a run are kept"
    # 1,000 names are looked at: the folder, 1, 2, 3 and 996 of the many, of which 98 are kept.
    not_kept = 996 - 98 + len(["2", "the rest"])
    assert len(left_out) == 20 + 1
    assert left_out[""] == f"{not_kept - 20} more"


def test_an_empty_folder_goes_and_another_thing_in_its_place_is_told(kept: Path) -> None:
    assert read(kept.parent) == ({}, {})
    assert not kept.exists()
    assert read(kept.parent) == ({}, {})

    kept.symlink_to(kept.parent)

    found, left_out = read(kept.parent)
    assert (found, left_out.keys()) == ({}, {"kept"})
