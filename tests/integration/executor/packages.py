"""A package of the tests' own, as a wheel and as what is still to be built, and scripts that ask for it."""

import io
import tarfile
import zipfile
from pathlib import Path

_METADATA = "Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
BLOCK = "# /// script\n{python}# dependencies = [{wanted}]\n# ///\n"
SLOW = BLOCK.format(wanted='"tardy"', python="") + "import tardy\nprint(tardy.WORD)\n"
GREETS = BLOCK.format(wanted='"greeting"', python="") + (
    """
import greeting, os, sys

def can(act):
    try:
        act()
    except OSError:
        return False
    return True

file = greeting.__file__
print(
    greeting.WORD, can(lambda: open(file, "a")), can(lambda: os.chmod(file, 0o644)), sys.prefix,
    os.stat(file).st_uid == os.getuid(),
)
"""
)


_BACKEND = """
import os, shutil, time
def build_wheel(folder, *_):
    {first}
    while not os.path.exists({until!r}):
        time.sleep(0.05)
    shutil.copy({wheel!r}, folder)
    return os.path.basename({wheel!r})
"""
_PROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "tardy"
version = "1.0"
"""


def write_wheel(folder: Path, name: str = "greeting") -> Path:
    """Write version 1.0 of a package with this one module as a wheel into the folder."""
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)
    info = f"{name}-1.0.dist-info"
    files = {
        f"{name}.py": "WORD = 'hello'\n",
        f"{info}/METADATA": _METADATA.format(name=name),
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/RECORD": f"{name}.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n",
    }
    path = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for inside, text in files.items():
            wheel.writestr(inside, text)
    return path


def write_source(folder: Path, first: str = "pass") -> Path:
    """Write tardy 1.0 as a source into the folder, whose own code builds it once the path returned exists.

    Before that it does `first`.
    """
    wheel = write_wheel(folder.with_name("built"), "tardy")
    until = wheel.with_name("now")
    backend = _BACKEND.format(until=str(until), wheel=str(wheel), first=first)
    files = {"pyproject.toml": _PROJECT, "backend.py": backend, "PKG-INFO": _METADATA.format(name="tardy")}
    folder.mkdir(exist_ok=True)
    with tarfile.open(folder / "tardy-1.0.tar.gz", "w:gz") as source:
        for name, text in files.items():
            entry = tarfile.TarInfo(f"tardy-1.0/{name}")
            entry.size = len(text)
            source.addfile(entry, io.BytesIO(text.encode()))
    return until


def offline(links: Path) -> dict[str, str]:
    """Return the variables by which uv knows these packages and no index."""
    config = links / "uv.toml"
    config.write_text(f'no-index = true\nfind-links = ["{links}"]\n')
    return {"UV_CONFIG_FILE": str(config)}
