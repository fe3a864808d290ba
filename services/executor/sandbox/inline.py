"""What a script says of itself in a comment: the Python and the packages that it needs (PEP 723). Pure."""

import re
import tomllib
from dataclasses import dataclass, field

from services.executor.sandbox.command import NotRunnable

MARK = b"# /// script"
"""Without it there is no block."""
_BLOCKS = re.compile(r"(?m)^# /// (?P<type>[a-zA-Z0-9-]+)$\s(?P<content>(^#(| .*)$\s)+)^# ///$")
"""As the PEP has it."""
_MEND = "Mend the block, or take it out: packaging.python.org/specifications/inline-script-metadata"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What an environment is made of: the script as it was when it was read, and what it asks for."""

    name: str
    """The script's file, without its folder."""
    text: bytes = field(repr=False)
    dependencies: tuple[str, ...]
    requires_python: str = ""
    lock: bytes | None = field(default=None, repr=False)
    """What `uv lock --script` wrote beside it: then exactly these packages."""

    @property
    def words(self) -> str:
        """Return it in a line."""
        python = f"Python {self.requires_python}" if self.requires_python else ""
        return ", ".join(filter(None, (python, *self.dependencies))) + (", as locked" if self.lock else "")


def wanted_by(name: str, text: bytes, lock: bytes | None) -> Wanted | None:
    """Return what the script's block asks for; None: nothing, or it has none.

    Raises:
        NotRunnable: the block is no such block; says why and what to do.
    """
    source = text.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")
    blocks = [match for match in _BLOCKS.finditer(source) if match["type"] == "script"]
    if not blocks:
        return None
    if len(blocks) > 1:
        raise NotRunnable(f"{name} has {len(blocks)} blocks `# /// script`: only one is allowed. {_MEND}.")
    lines = blocks[0]["content"].splitlines(keepends=True)
    try:
        said = tomllib.loads("".join(line[2:] if line.startswith("# ") else line[1:] for line in lines))
    except tomllib.TOMLDecodeError as error:
        raise NotRunnable(f"The block `# /// script` of {name} is no TOML: {error}. {_MEND}.") from error
    dependencies, python = said.get("dependencies", []), said.get("requires-python", "")
    if not (isinstance(dependencies, list) and all(isinstance(one, str) for one in dependencies)):
        raise NotRunnable(f"`dependencies` in the block of {name} is to be a list of texts. {_MEND}.")
    if not isinstance(python, str):
        raise NotRunnable(f"`requires-python` in the block of {name} is to be a text. {_MEND}.")
    if not dependencies and not python:
        return None
    return Wanted(
        name=name,
        text=text,
        dependencies=tuple(map(str.strip, dependencies)),
        requires_python=python.strip(),
        lock=lock,
    )
