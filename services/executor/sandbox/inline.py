"""What a script says of itself in a comment: the Python and the packages that it needs (PEP 723). Pure."""

import json
import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from services.executor.sandbox.command import NotRunnable

MARK = b"# /// script"
"""Without it there is no block."""
_BEGIN = re.compile(r"# /// [a-zA-Z0-9-]+")
_END = "# ///"
_MEND = "Mend the block, or take it out: packaging.python.org/specifications/inline-script-metadata"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What an environment is made of: the script as it was when it was read, and what it asks for."""

    name: str
    """The script's file, without its folder."""
    text: bytes = field(repr=False)
    dependencies: tuple[str, ...]
    requires_python: str = ""
    settings: str = ""
    """What it says to uv: another index, other sources; as JSON with its keys in order."""
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
    blocks = list(_blocks(source.split("\n")))
    if not blocks:
        return None
    if len(blocks) > 1:
        raise NotRunnable(f"{name} has {len(blocks)} blocks `# /// script`: only one is allowed. {_MEND}.")
    try:
        said = tomllib.loads("".join(f"{line[2:]}\n" for line in blocks[0]))
    except tomllib.TOMLDecodeError as error:
        raise NotRunnable(f"The block `# /// script` of {name} is no TOML: {error}. {_MEND}.") from error
    dependencies, python = said.get("dependencies", []), said.get("requires-python", "")
    if not (isinstance(dependencies, list) and all(isinstance(one, str) for one in dependencies)):
        raise NotRunnable(f"`dependencies` in the block of {name} is to be a list of texts. {_MEND}.")
    if not isinstance(python, str):
        raise NotRunnable(f"`requires-python` in the block of {name} is to be a text. {_MEND}.")
    if not dependencies and not python:
        return None
    tool = said.get("tool", {})
    settings = tool.get("uv") if isinstance(tool, dict) else None
    return Wanted(
        name=name,
        text=text,
        dependencies=tuple(map(str.strip, dependencies)),
        requires_python=python.strip(),
        settings=json.dumps(settings, sort_keys=True, default=str) if settings else "",
        lock=lock,
    )


def _blocks(lines: Sequence[str]) -> Iterator[Sequence[str]]:
    """Yield what is between `# /// script` and the last `# ///` of the comment that follows it.

    What the PEP's regular expression finds, in one pass: that one takes minutes for some comments, during
    which nothing else of this process runs.
    """
    at = 0
    while at < len(lines):
        begin = at
        at += 1
        if not _BEGIN.fullmatch(lines[begin]):
            continue
        end = begin
        while at < len(lines) and (lines[at] == "#" or lines[at].startswith("# ")):
            if lines[at] == _END and at > begin + 1:
                end = at
            at += 1
        # Without an end, none of the comment's other lines has one.
        if end > begin:
            at = end + 1
            if lines[begin] == MARK.decode():
                yield lines[begin + 1 : end]
