"""Every sentence that the server may say to a person has a pattern that tells it in Chinese."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from services.ui.words import chinese
from services.ui.words.places import PLACE

ROOT = Path(__file__).parents[4]
# Who says them: what a page shows of an answer, a run's end, and an executor's troubles.
SPEAKERS = [
    *("services/ui/api", "services/ui/commands", "services/ui/queries", "services/ui/scripts.py"),
    *("services/ui/addresses.py", "services/ui/notifications/senders.py"),
    *("services/ui/many.py", "services/ui/zones.py", "shared/domain", "shared/runtime/script_files.py"),
    *("services/executor/attempt.py", "services/executor/environments.py", "services/executor/opening.py"),
    *("services/executor/problems.py", "services/executor/recovery.py", "services/executor/verdict.py"),
    *("services/executor/sandbox/command.py", "services/executor/sandbox/inline.py"),
    *("services/executor/sandbox/paths.py", "services/executor/sandbox/refusals.py"),
]
SENTENCE = re.compile(r"(?:[A-Z“]|scripts/|\0)(?=.*[a-z]{2}.* .*[a-z]{2}).* .*[.?!]", re.DOTALL)
BETWEEN = re.compile(r"(?<=[.!?]) (?=[A-Z“\d\0])")
WHOLE = re.compile(r"(?:^|(?<=[.!?]))\0(?= [A-Z])")  # a place for sentences of others
LETTERS = re.compile(r"[^\W\d_]")
LEAST_SHARE = 0.4  # of a sentence's letters that a pattern says itself; a wide one knows too little of it


def test_each_sentence_of_the_server_is_told_in_chinese() -> None:
    """Write a pattern for what is missing under `prose` in services/ui/words/zh-Hant.json."""
    known = [Known(english.lstrip("~")) for english in chinese().prose]

    assert {
        f"{place}: {shown(text)}"
        for place, text in sentences()
        if not is_known(text, known) and not all(is_known(one, known) for one in BETWEEN.split(text))
    } == set()


class Known:
    """A pattern, as what it fits and as what may be fitted by a sentence with places."""

    def __init__(self, english: str) -> None:
        self.text = PLACE.sub("0", english)
        self.letters = len(LETTERS.findall(PLACE.sub("", english)))
        self.fits = re.compile(".+".join(map(re.escape, re.split(r"\{\d+\}", english))), re.DOTALL)


def is_known(text: str, known: list[Known]) -> bool:
    """Say whether a pattern fits the sentence, or the sentence's places can hold what the pattern says."""
    said = re.compile(".*".join(map(re.escape, text.split("\0"))), re.DOTALL)
    filled = text.replace("\0", "0")
    least = len(LETTERS.findall(text)) * LEAST_SHARE
    return any(
        (one.letters >= least and one.fits.fullmatch(filled)) or said.fullmatch(one.text) for one in known
    )


def sentences() -> Iterator[tuple[str, str]]:
    """Yield where a sentence stands, and its text with NUL for each place."""
    for speaker in SPEAKERS:
        path = ROOT / speaker
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            tree = ast.parse(file.read_text(encoding="utf-8"))
            unsaid = {id(part) for node in ast.walk(tree) for part in unsaid_in(node)}
            for node in ast.walk(tree):
                text = text_of(node)
                if id(node) not in unsaid and SENTENCE.fullmatch(text):
                    yield (
                        f"{file.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}",
                        WHOLE.sub("", text).strip(),
                    )


def unsaid_in(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what is no sentence for a person: a docstring, and the parts of a text with places."""
    if isinstance(node, ast.Expr):
        yield node.value
    if isinstance(node, ast.JoinedStr):
        yield from node.values


def text_of(node: ast.AST) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else "\0" for part in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def shown(text: str) -> str:
    return text.replace("\0", "{}")
