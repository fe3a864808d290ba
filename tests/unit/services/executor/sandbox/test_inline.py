import time

import pytest

from services.executor.sandbox.command import NotRunnable
from services.executor.sandbox.inline import Wanted, wanted_by
from services.executor.uv_words import Said, words_of
from shared.messages.events import Stream


def wanted(text: str) -> Wanted | None:
    return wanted_by("a.py", text.encode(), None)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("# /// script\n# dependencies = ['a', 'b<2']\n# ///\n", "a, b<2"),
        ("#!/usr/bin/x\n\n# /// script\r\n# dependencies = [\r\n#   'a',\r\n# ]\r\n# ///\r\n", "a"),
        ("# /// script\n# requires-python = '>=3.12'\n#\n# [tool.uv]\n# ///\nimport a\n", "Python >=3.12"),
        ("# /// pyproject\n# x = 1\n# ///\n\n# /// script\n# dependencies = ['a']\n# ///\n", "a"),
        (
            "# /// script\n# dependencies = ['a']\n# ///\n# more\n# ///\n",
            None,
        ),  # the PEP: the last /// ends it
    ],
)
def test_a_block_is_read_as_the_pep_says(text: str, words: str | None) -> None:
    if words is None:
        with pytest.raises(NotRunnable, match="no TOML"):
            wanted(text)
        return
    found = wanted(text)
    assert found is not None
    assert found.words == words


@pytest.mark.parametrize(
    "text",
    [
        "import a\n",
        "# /// script\n# dependencies = []\n# ///\n",
        "x = '''\n# /// script\n# dependencies = ['a']\n",
        " # /// script\n # dependencies = ['a']\n # ///\n",
    ],
)
def test_without_a_block_that_asks_for_anything_nothing_is_wanted(text: str) -> None:
    assert wanted(text) is None


def test_a_comment_that_begins_many_blocks_is_read_in_one_pass() -> None:
    began = time.process_time()

    assert wanted("# /// script\n" * 5_000) is None

    assert time.process_time() - began < 0.5


@pytest.mark.parametrize(
    ("inside", "says"),
    [
        ("# dependencies = 'a'", "list of texts"),
        ("# dependencies = [1]", "list of texts"),
        ("# requires-python = 3", "to be a text"),
        ("# dependencies = [", "no TOML"),
        ("# x = 1\n# ///\n\n# /// script\n# y = 1", "2 blocks"),
    ],
)
def test_a_block_that_is_wrong_is_said_with_what_to_do(inside: str, says: str) -> None:
    with pytest.raises(NotRunnable, match=f"{says}.*Mend the block"):
        wanted(f"# /// script\n{inside}\n# ///\n")


def test_what_uv_says_comes_in_whole_lines_without_credentials_and_not_without_end() -> None:
    heard = list[str]()
    said = Said(heard.append)

    for read in (b"one\ntwo http://me:secret", b"@host/x\nrest"):
        assert not said.take(Stream.STDOUT, memoryview(read))
    said.finish()
    is_too_much = said.take(Stream.STDOUT, memoryview(b"x" * 100_000))

    assert heard == ["one\n", "two http://***@host/x\n", "rest\n"]
    assert is_too_much
    assert words_of("Creating\nerror: Failed to fetch: x\n  cause: no route\n").endswith(
        "uv: Failed to fetch: x: no route"
    )
