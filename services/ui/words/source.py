"""Reads the texts out of a component's JavaScript, and puts those of another language in their places.

English stands in the components themselves and is the key. What is read: string and template literals of
the code, and in the template of a Vue component its text, the attributes that are read by people, and the
literals of its expressions. Where a text is put together of literals and values, it is one text with
places: `'Run ' + job.name + ' now'` is "Run {0} now". What is counted by `plural(n, "job")` is "# job", and
`word("weeks")` says of one small word that it is no name but to be read.

This knows the JavaScript that the portal is written in, not all that there is: the tests hold it against
every file, and a browser runs what comes out.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from services.ui.words.places import PLACE, has_letters, is_read

Say = Callable[[str], str | None]
"""Answers a text with places by that of another language; None keeps the English."""

_READ_BY_PEOPLE = frozenset({"aria-label", "title", "placeholder", "alt", "label", "hint", "words"})
_SPACE = re.compile(r"\s+")
_TOKEN = re.compile(
    r"""(?P<space>(?:\s+|//[^\n]*|/\*.*?\*/)+)
    |(?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
    |(?P<word>[\w$]+)
    |(?P<mark>=>|===|!==|==|!=|<=|>=|\?\?=|\|\|=|\?\?|\|\||&&|\?\.|\.\.\.|\+\+|\+=|--|-=|.)""",
    re.VERBOSE | re.DOTALL,
)
_REGEX = re.compile(r"/(?:[^/\\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+/[a-z]*")
_BEFORE_REGEX = frozenset({*"(,=:[!&|?{};+", "=>", "&&", "||", "??", "return", "===", "!==", ""})
_CLOSING = {"(": ")", "[": "]", "{": "}"}
# What ends an operand of `+`: a chain of them is one text.
_ENDS = frozenset(
    {
        *",;?:=<>",
        "||",
        "&&",
        "??",
        "=>",
        "+=",
        "===",
        "!==",
        "==",
        "!=",
        "<=",
        ">=",
        "return",
        "...",
        "??=",
        "||=",
    }
)
# Around a literal that is the value itself, not what it is compared with.
_CHOOSES = frozenset({"", "?", ":", "||", "??"})
_CHOSEN = frozenset({"", ":", "||", "??"})
_TAG = re.compile(r"</?(?P<name>[\w-]+)|<!--.*?-->", re.DOTALL)
_ATTRIBUTE = re.compile(r"(?P<space>\s*)(?P<name>[^\s=>/\"']+)(?:=\"(?P<value>[^\"]*)\")?", re.DOTALL)


@dataclass(slots=True)
class _Node:
    """A token, a bracketed group, or a template literal; `before` is the space in front of it."""

    kind: str
    text: str
    before: str = ""
    children: "list[_Node]" = field(default_factory=list)
    pieces: "list[str | list[_Node]]" = field(default_factory=list)


# Nothing but a full stop: Chinese has another one.
_STOPS = frozenset({".", ". {0}"})
_END = _Node("end", "")


def translated(source: str, say: Say) -> str:
    """Return `source` with every text that `say` knows in the other language; the rest is left as it is."""
    nodes, end = _nodes(source, 0, "")
    if end != len(source):
        raise ValueError(f"cannot read this script from its character {end}: {source[end : end + 40]!r}")
    return _Writer(say).code(nodes)


def texts_of(source: str) -> list[str]:
    """Return the keys of all texts of `source`, in their order."""
    found: list[str] = []

    def note(key: str) -> str:
        found.append(key)
        return key

    translated(source, note)
    return found


def _nodes(source: str, at: int, closing: str) -> tuple[list[_Node], int]:
    """Read code from `at` to `closing`, which is not taken."""
    nodes: list[_Node] = []
    before, last = "", ""
    while at < len(source) and source[at] != closing:
        regex = _REGEX.match(source, at) if last in _BEFORE_REGEX else None
        is_comment = source.startswith(("//", "/*"), at)
        if source[at] == "`":
            node, at = _template(source, at, is_vue=last == ":" and _named(nodes, "template"))
        elif regex and not is_comment:
            node, at = _Node("regex", regex[0]), regex.end()
        elif source[at] in _CLOSING:
            children, end = _nodes(source, at + 1, _CLOSING[source[at]])
            node, at = _Node("group", source[at], children=children), end + 1
        else:
            token = _TOKEN.match(source, at)
            assert token is not None, source[at : at + 40]
            at = token.end()
            if token.lastgroup == "space":
                before += token[0]
                continue
            node = _Node(token.lastgroup or "mark", token[0])
        node.before, before = before, ""
        nodes.append(node)
        last = node.text if node.kind in {"mark", "word"} else node.kind
    if before:
        nodes.append(_Node("space", "", before=before))
    return nodes, at


def _named(nodes: Sequence[_Node], name: str) -> bool:
    return len(nodes) > 1 and nodes[-2].text == name


def _template(source: str, at: int, *, is_vue: bool) -> tuple[_Node, int]:
    pieces: list[str | list[_Node]] = []
    words, at = "", at + 1
    while source[at] != "`":
        if source.startswith("${", at):
            inside, end = _nodes(source, at + 2, "}")
            pieces += [words, inside]
            words, at = "", end + 1
        else:
            size = 2 if source[at] == "\\" else 1
            words += source[at : at + size]
            at += size
    return _Node("vue" if is_vue else "template", "`", pieces=[*pieces, words]), at + 1


class _Writer:
    """Writes nodes as they were read, with the texts that `say` answers."""

    def __init__(self, say: Say, *, quote: str = "") -> None:
        self._say = say
        self._quote = quote  # inside of an attribute, the only quote there is

    def code(self, nodes: Sequence[_Node], *, is_shown: bool = False) -> str:
        """Write code, run by run: a run ends where an operand of `+` does.

        What `is_shown` is a value on the page: a literal that it can be is read, one small word too.
        """
        out: list[str] = []
        run: list[_Node] = []
        before = ""
        for index, node in enumerate([*nodes, _END]):
            if node is not _END and (node.kind not in {"mark", "word"} or node.text not in _ENDS):
                run.append(node)
                continue
            is_key = node.text == ":" and len(run) == 1 and (index == 1 or nodes[index - 2].text == ",")
            if is_shown and before in _CHOOSES and node.text in _CHOSEN and _is_literal(run):
                out.append(self._literal(run))
            else:
                out.append(self._plain(run) if is_key else self._run(run))
            out.append(node.before + node.text)
            run, before = [], node.text
        return "".join(out)

    def _literal(self, run: Sequence[_Node]) -> str:
        words = self._say(run[0].text[1:-1])
        quote = run[0].text[0]
        spoken = run[0].text if words is None else f"{quote}{words}{quote}"
        return run[0].before + spoken + "".join(node.before for node in run[1:])

    def _plain(self, nodes: Sequence[_Node]) -> str:
        return "".join(
            node.before + (node.text if node.kind != "group" else self._node(node)) for node in nodes
        )

    def _run(self, run: Sequence[_Node]) -> str:
        if run and run[-1].kind == "space":
            return self._run(run[:-1]) + run[-1].before
        operands: list[list[_Node]] = [[]]
        for node in run:
            if node.kind == "mark" and node.text == "+":
                operands.append([])
            else:
                operands[-1].append(node)
        spoken = self._chain(operands) if len(operands) > 1 else None
        if spoken is not None:
            return (run[0].before if run else "") + spoken
        out = ""
        for index, node in enumerate(run):
            called = run[index - 1].text if index and node.text == "(" else ""
            match called:
                case "plural":
                    out += node.before + self._counted(node)
                case "word":
                    out += f"{node.before}({self.code(node.children, is_shown=True)})"
                case _:
                    out += node.before + self._node(node)
        return out

    def _chain(self, operands: Sequence[Sequence[_Node]]) -> str | None:
        parts: list[str | list[_Node]] = []
        for operand in operands:
            if len(operand) == 1 and operand[0].kind == "string":
                parts.append(operand[0].text[1:-1])
            elif len(operand) == 1 and operand[0].kind == "template":
                parts += operand[0].pieces
            else:
                parts.append(list(operand))
        key, values = _key(parts)
        if not is_read(key):
            return None
        words = self._say(key)
        if words is None:
            return None
        quote = self._quote or '"'
        chain = [
            f"{quote}{piece}{quote}" if isinstance(piece, str) else f"({self.code(values[piece]).strip()})"
            for piece in pieces_of(words)
        ]
        return " + ".join(chain if chain and chain[0].startswith(quote) else [quote * 2, *chain])

    def _node(self, node: _Node) -> str:
        match node.kind:
            case "string":
                key = node.text[1:-1]
                words = self._say(key) if is_read(key) else None
                return node.text if words is None else f"{node.text[0]}{words}{node.text[0]}"
            case "group":
                return node.text + self.code(node.children) + _CLOSING[node.text]
            case "template":
                return f"`{self._pieces(node.pieces)}`"
            case "vue":
                return f"`{self.markup(node.pieces)}`"
            case _:
                return node.text

    def _counted(self, group: _Node) -> str:
        """Write what `plural` is called with: the literal after the number is what is counted."""
        out: list[_Node] = []
        seen = 0
        for node in group.children:
            seen += node.kind == "mark" and node.text == ","
            if node.kind == "string" and seen == 1:
                words = self._say(f"# {node.text[1:-1]}")
                quote = node.text[0]
                said = node.text if words is None else f"{quote}{words}{quote}"
                out.append(_Node("done", said, before=node.before))
            else:
                out.append(node)
        return f"({self.code(out)})"

    def _pieces(self, pieces: Sequence[str | list[_Node]]) -> str:
        key, values = _key(pieces)
        words = self._say(key) if is_read(key) else None
        if words is None:
            return "".join(one if isinstance(one, str) else f"${{{self.code(one)}}}" for one in pieces)
        return "".join(
            one if isinstance(one, str) else f"${{{self.code(values[one])}}}" for one in pieces_of(words)
        )

    def markup(self, pieces: Sequence[str | list[_Node]]) -> str:
        """Write the template of a component."""
        assert all(isinstance(one, str) for one in pieces), "the template of a component holds no ${}"
        return _Markup(str(pieces[0]), self._say).written()


class _Markup:
    """The template of a Vue component, from its first character to its last."""

    def __init__(self, source: str, say: Say) -> None:
        self._source = source
        self._say = say
        self._values = _Writer(say)
        self._in_attribute = _Writer(say, quote="'")
        self._at = 0

    def written(self) -> str:
        out: list[str] = []
        while self._at < len(self._source):
            out.append(self._tag() if self._source[self._at] == "<" else self._text())
        return "".join(out)

    def _tag(self) -> str:
        found = _TAG.match(self._source, self._at)
        assert found is not None, self._source[self._at : self._at + 60]
        self._at = found.end()
        out = found[0]
        while found["name"] and (one := _ATTRIBUTE.match(self._source, self._at)):
            self._at = one.end()
            out += one["space"] + self._attribute(one["name"], one["value"])
        while found["name"] and self._source[self._at - 1] != ">":
            out += self._source[self._at]
            self._at += 1
        return out

    def _attribute(self, name: str, value: str | None) -> str:
        if value is None:
            return name
        if name[0] in ":@#" or name.startswith("v-"):
            nodes, end = _nodes(value, 0, "")
            assert end == len(value), value
            return f'{name}="{self._in_attribute.code(nodes)}"'
        words = self._say(value) if name in _READ_BY_PEOPLE and has_letters(value) else None
        return f'{name}="{value if words is None else words}"'

    def _text(self) -> str:
        parts: list[str | list[_Node]] = []
        words = ""
        while self._at < len(self._source) and self._source[self._at] != "<":
            if self._source.startswith("{{", self._at):
                end = self._source.index("}}", self._at)
                nodes, _ = _nodes(self._source[self._at + 2 : end], 0, "")
                parts += [words, nodes]
                words, self._at = "", end + 2
            else:
                words += self._source[self._at]
                self._at += 1
        return self._spoken([*parts, words])

    def _spoken(self, parts: Sequence[str | list[_Node]]) -> str:
        key, values = _key(parts)
        bare = _SPACE.sub(" ", key).strip()
        words = self._say(bare) if has_letters(PLACE.sub("", bare)) or bare in _STOPS else None
        if words is None:
            return "".join(one if isinstance(one, str) else self._mustache(one) for one in parts)
        # The space at both ends is the markup's; a full-width mark is half a space already.
        first = key[: len(key) - len(key.lstrip())]
        last = "" if _ends_wide(words) else key[len(key.rstrip()) :]
        inner = (one if isinstance(one, str) else self._mustache(values[one]) for one in pieces_of(words))
        return first + "".join(inner) + last

    def _mustache(self, value: Sequence[_Node]) -> str:
        return f"{{{{{self._values.code(value, is_shown=True)}}}}}"


def _ends_wide(words: str) -> bool:
    last = words[-1:] or " "
    return unicodedata.east_asian_width(last) in {"W", "F"} and unicodedata.category(last)[0] == "P"


def _is_literal(run: Sequence[_Node]) -> bool:
    bare = [node for node in run if node.kind != "space"]
    return len(bare) == 1 and bare[0].kind == "string" and has_letters(bare[0].text)


def pieces_of(words: str) -> list[str | int]:
    """Return a translation as its words and the numbers of its places; what it leaves out is not there."""
    pieces: list[str | int] = []
    at = 0
    for found in PLACE.finditer(words):
        pieces.append(words[at : found.start()])
        if not found["out"]:
            pieces.append(int(found["number"]))
        at = found.end()
    return [piece for piece in [*pieces, words[at:]] if piece != ""]


def _key(parts: Iterable[str | list[_Node]]) -> tuple[str, list[list[_Node]]]:
    key = ""
    values: list[list[_Node]] = []
    for part in parts:
        if isinstance(part, str):
            key += part
        else:
            key += f"{{{len(values)}}}"
            values.append(part)
    return key, values
