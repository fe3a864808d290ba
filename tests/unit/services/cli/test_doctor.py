from pathlib import Path

import pytest

from services.cli.doctor import examine
from services.cli.home import Home


def test_a_wrong_setting_is_one_finding_among_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PORTAL_INTERPRETERS", "rb=ruby")
    monkeypatch.setenv("PORTAL_STATES_DIR", __file__)

    code = examine(Home(tmp_path), 0)

    printed = capfd.readouterr()
    said = {line.split()[1]: line for line in f"{printed.out}{printed.err}".splitlines()}
    assert code == 1
    assert said["interpreters"].startswith("problem")
    assert "'rb=ruby' is no extension" in said["interpreters"]
    assert said["job"].startswith("warning")
    assert __file__ in said["job"]
    assert {"python", "disk", "sandbox"} < said.keys()
