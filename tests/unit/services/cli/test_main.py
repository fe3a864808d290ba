"""The command line as a whole: what `portal --help` and a shell's completion tell."""

import sys

import pytest

from services.cli.main import main


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("portal rot", ["rotate-key"]),
        ("portal jobs re", ["resume", "restore"]),
        ("portal runs list --st", ["--state"]),
    ],
)
def test_a_shell_completes_commands_and_options(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], typed: str, found: list[str]
) -> None:
    monkeypatch.setenv("_PORTAL_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", typed)
    monkeypatch.setenv("COMP_CWORD", str(len(typed.split()) - 1))

    with pytest.raises(SystemExit):
        main()

    assert capsys.readouterr().out.split() == found


def test_help_names_every_command_by_what_it_is_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["portal", "--help"])

    with pytest.raises(SystemExit) as left:
        main()

    said = capsys.readouterr().out
    assert left.value.code == 0
    sections = [line for line in said.splitlines() if line.endswith(":") and not line.startswith(" ")]
    assert sections == ["Options:", "Daily work:", "Operating:", "Developing:"]
    assert (
        said.index("\n  run ") < said.index("\n  jobs ") < said.index("\n  schedule ") < said.index("\n  up ")
    )


@pytest.mark.parametrize("deed", [("jobs",), ("user", "link", "ann")])
def test_where_no_portal_is_that_is_said_in_a_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], deed: tuple[str, ...]
) -> None:
    monkeypatch.delenv("PORTAL_DATABASE_URL", raising=False)
    monkeypatch.setattr(sys, "argv", ["portal", *deed, "--home", "/nowhere"])

    with pytest.raises(SystemExit) as left:
        main()

    said = capsys.readouterr()
    assert (left.value.code, said.out, said.err.count("\n")) == (3, "", 1)
    assert "/nowhere" in said.err
