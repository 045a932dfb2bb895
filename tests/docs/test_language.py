"""Words that code and pages do without, and words that no docstring begins with."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("facilitator", "plugins", "docs", "examples")
PAGES = ("README.md", "SECURITY.md", "CHANGELOG.md", "CONTRIBUTING.md")
SUFFIXES = frozenset({".css", ".html", ".js", ".json", ".md", ".py", ".toml"})

BANNED = frozenset(
    {
        ("told",),
        ("tell",),
        ("tells",),
        ("telling",),
        ("teller",),
        ("heard",),
        ("whoever",),
        ("nobody",),
        ("somebody",),
        ("anew",),
        ("ours",),
        ("of", "late"),
        ("as", "it", "stands"),
    }
)
"""Each as the words that it consists of."""

NOT_FIRST = frozenset(
    {"what", "whether", "who", "how", "where", "why", "which", "when", "nothing"}
)  # fmt: skip

_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
"""A word of prose, of a snake_case or of a CamelCase identifier."""

pytestmark = pytest.mark.skipif(
    not (ROOT / "docs").is_dir(), reason="needs a checkout: no docs/ here"
)


def files() -> list[Path]:
    found = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*")]
    found = [path for path in found if path.suffix in SUFFIXES and path.is_file()]
    found = [path for path in found if "node_modules" not in path.parts]
    return sorted(found) + [ROOT / page for page in PAGES if (ROOT / page).exists()]


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def banned(text: str) -> Iterator[tuple[int, str]]:
    """Line and words of everything that the text should not say."""
    lines = enumerate(text.splitlines(), start=1)
    words = [(line, word.lower()) for line, each in lines for word in _WORD.findall(each)]
    for start, (line, _) in enumerate(words):
        for length in (1, 2, 3):
            said = tuple(word for _, word in words[start : start + length])
            if len(said) == length and said in BANNED:
                yield line, " ".join(said)


def docstrings(source: str) -> Iterator[tuple[int, str]]:
    """Line and text of each docstring: of modules, classes, functions and attributes."""
    for node in ast.walk(ast.parse(source)):
        body = getattr(node, "body", None)
        for statement in body if isinstance(body, list) else ():
            match statement:
                case ast.Expr(ast.Constant(str(text))):
                    yield statement.lineno, text


def badly_begun(source: str) -> Iterator[tuple[int, str]]:
    """Line and first word of the docstrings that do not say what they are about."""
    for line, text in docstrings(source):
        first = re.match(r"\W*(\w+)", text)
        if first is not None and first[1].lower() in NOT_FIRST:
            yield line, first[1]


@pytest.mark.parametrize("path", files(), ids=name)
def test_no_banned_word_is_used(path: Path) -> None:
    found = [f"{name(path)}:{line}: {word}" for line, word in banned(path.read_text("utf-8"))]
    assert found == []


@pytest.mark.parametrize("path", [path for path in files() if path.suffix == ".py"], ids=name)
def test_docstrings_begin_with_a_verb_or_a_noun(path: Path) -> None:
    found = [f"{name(path)}:{line}: {word}" for line, word in badly_begun(path.read_text("utf-8"))]
    assert found == []


def test_the_checks_look_at_something() -> None:
    looked_at = set(map(name, files()))
    assert {"README.md", "docs/index.md", "facilitator/plugin/__init__.py"} <= looked_at
    assert len(looked_at) > 300


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("All is well.\nThe caller is told of it.", [(2, "told")]),
        ("Nobody tells!", [(1, "nobody"), (1, "tells")]),
        ("self._told_before = Teller(anew=TELL)",
         [(1, "told"), (1, "teller"), (1, "anew"), (1, "tell")]),
        ("a failure of\n# late", [(1, "of late")]),
        ("The price, as it stands, holds.", [(1, "as it stands")]),
        ("Retold hours, a satellite, intellect, of latex, hallowed yours", []),
    ],
)  # fmt: skip
def test_a_planted_word_is_found(text: str, expected: list[tuple[int, str]]) -> None:
    assert list(banned(text)) == expected


def test_a_planted_docstring_is_found() -> None:
    source = '''"""Whether it works."""

LIMIT = 1
"""How many there may be."""


class Thing:
    """A thing. What it does is said elsewhere."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.end = 0
        """When it ends."""
'''
    found = [(1, "Whether"), (4, "How"), (11, "Nothing"), (13, "When")]
    assert sorted(badly_begun(source)) == found
