"""Documents of jobs: what is written is read again, and whatever else is read is told by its line."""

import time

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from services.ui.documents import tree
from services.ui.documents.document import Document, read_document, write_document
from services.ui.documents.problems import Problem, UnfitDocument
from services.ui.documents.tree import read_tree

WORDS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
    st.sampled_from(
        ["yes", "on", "~", "02:30", "2026-12-01", "1e5", "0x1f", "- a", "a: b", "a #b", "*", "---", "="]
    ),
    st.text("ab #:-\n\t\"'{}[],&*!|>%@`\\é第\u0085\u2028\ufeff", max_size=20),
)
SCALARS = st.one_of(
    WORDS,
    st.booleans(),
    st.integers(-(10**30), 10**30),
    st.floats(allow_nan=False, allow_infinity=False),
    st.none(),
)
FLAT = st.one_of(SCALARS, st.lists(SCALARS, max_size=4), st.dictionaries(WORDS, SCALARS, max_size=3))
ENTRIES = st.dictionaries(
    st.sampled_from(
        ["script", "description", "args", "policy", "secrets", "parameters", "runs_after", "schedules"]
    ),
    st.one_of(FLAT, st.lists(FLAT, max_size=3), st.dictionaries(WORDS, FLAT, max_size=3)),
    max_size=4,
)


@given(jobs=st.dictionaries(WORDS, ENTRIES, max_size=3))
def test_what_is_written_is_read_again_here_and_by_others(jobs: dict[str, dict[str, object]]) -> None:
    text = write_document(jobs, zone=None)

    assert read_document(text).jobs == jobs
    assert yaml.safe_load(text)["jobs"] == jobs


def said(text: str) -> Document | tuple[Problem, ...]:
    try:
        return read_document(text)
    except UnfitDocument as error:
        return error.problems


@pytest.mark.parametrize("parser", [yaml.SafeLoader, yaml.CSafeLoader])
@given(text=st.one_of(st.text(), st.text("ab01:-?#&*!|>'\"%@`{}[], \n\t\\.~", max_size=60)))
@example("a: &x [*x]")
@example("-\x850")
@example("jobs: {a: {script: 5}}")
@example("\ud800")
@example('"\\ud800": 1')
@example("? ? a")
@example("!")
@example("%YAML 3.0\n---\n")
def test_any_text_is_a_document_or_wrong_in_words(parser: type, text: str) -> None:
    usual, tree._PARSER = tree._PARSER, parser
    try:
        found = said(text)
    finally:
        tree._PARSER = usual

    last = len(text.splitlines()) + 2  # NEL and others end a line in YAML, too
    assert isinstance(found, Document) or all(1 <= one.line <= last and one.message for one in found)


def test_a_text_that_would_unfold_is_refused_at_once() -> None:
    bomb = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [{f'*a{n - 1}, ' * 9}]\n" for n in range(1, 40))
    began = time.process_time()

    with pytest.raises(UnfitDocument, match="Line 1: Anchors"):
        read_document(bomb)
    with pytest.raises(UnfitDocument, match="nested"):
        read_document("[" * 100_000)

    assert time.process_time() - began < 5  # unfolded it would be some 10^38 words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("jobs:\n  a: {script: x.py}\n  a: {script: y.py}\n", "Line 3: 'a' is there already, in line 2"),
        (
            "jobs:\n  a:\n    scrip: x.py\n",
            "Line 3: jobs.a.scrip: A job has no such field; script is probably meant",
        ),
        ("job: {}\n", "Line 1: job: There is no such part; jobs is probably meant"),
        ("version: 2\njobs: {}\n", "Line 1: version: This portal reads version 1"),
        ("jobs:\n  - a\n", "Line 1: jobs: Write the jobs by name"),
        ("jobs:\n  a: hello.py\n", "Line 2: jobs.a: Say below it at least which script"),
        ("limits:\n  db: many\n", "Line 2: limits.db: Say how many"),
        ("jobs: {a: !!python/object:os.system {}}\n", "Line 1: Tags"),
        ("", "Line 1: Begin with `jobs:`"),
        ("a: 1\n---\nb: 2\n", "Line 2: A second document"),
    ],
)
def test_what_is_wrong_is_told_with_its_line_and_what_to_write(text: str, words: str) -> None:
    with pytest.raises(UnfitDocument) as wrong:
        read_document(text)

    assert words in wrong.value.message


def test_plain_words_stay_words() -> None:
    read = read_tree("on: no\nat: 02:30\nday: 2026-12-01\nn: 07\nx: 1.5\ny: true\nz: ~\n1: a\n")

    assert read.value == {
        "on": "no", "at": "02:30", "day": "2026-12-01", "n": 7, "x": 1.5, "y": True, "z": None, "1": "a",
    }  # fmt: skip
    assert read.line_of(("x",)) == 5
