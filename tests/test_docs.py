"""What the documentation says is so: its examples run, and its links lead somewhere."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from coroscope.analysis.findings import CHECKS
from coroscope.cli import coroscope as command_line
from tests.documents import FENCE, ROOT, Block, blocks, documents

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
SOURCE = re.compile(
    r"(?P<names>`[\w.]+`(?:(?:,|\s+and)\s+`[\w.]+`)*)(?:\s+are)?\s+in\s+\[[^\]]*\]\((?P<link>[^)\s]+\.py)\)"
)


MARKS = {"fragment", "server", "client", "conftest"}
"""What may stand after `python`: for a part of a program, or one that tests/ecosystem/test_how_to.py runs."""


def runnable(block: Block) -> bool:
    return block.info == ["python"]


def test_every_example_that_does_not_stand_alone_has_a_mark_that_says_why() -> None:
    marks = {tuple(block.info[1:]) for block in blocks() if block.info[:1] == ["python"]}
    assert marks <= {(), *((mark,) for mark in MARKS)}


def test_there_is_documentation_with_examples() -> None:
    assert len(documents()) > 5
    assert any(runnable(block) and block.file.name == "README.md" for block in blocks())


@pytest.mark.parametrize(
    "block", [pytest.param(block, id=block.name) for block in blocks() if runnable(block)]
)
def test_an_example_in_the_documentation_runs(block: Block, tmp_path: Path) -> None:
    script = tmp_path / "example.py"
    # Blank lines first, so that a traceback names the line of the document.
    script.write_text("\n" * block.line + block.body, encoding="utf-8")
    done = subprocess.run([sys.executable, script], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, f"{block.name}\n{done.stderr}"


def headings(file: Path) -> set[str]:
    """The anchors that a document's headings make: lower case, spaces to hyphens, punctuation dropped."""
    text = FENCE.sub("", file.read_text(encoding="utf-8"))
    titles = re.findall(r"^#+ +(.+?) *$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def local_links(file: Path) -> list[str]:
    text = FENCE.sub("", file.read_text(encoding="utf-8"))
    return [target for target in LINK.findall(text) if "://" not in target]


def leads_somewhere(file: Path, target: str) -> bool:
    path, _, anchor = target.partition("#")
    goal = (file.parent / path).resolve() if path else file
    if not goal.exists() or not goal.is_relative_to(ROOT):
        return False
    return not anchor or (goal.suffix == ".md" and anchor in headings(goal))


@pytest.mark.parametrize("file", documents(), ids=lambda file: str(file.relative_to(ROOT)))
def test_every_link_within_the_documentation_leads_somewhere(file: Path) -> None:
    assert [target for target in local_links(file) if not leads_somewhere(file, target)] == []


@pytest.mark.parametrize(
    "target", ["missing.md", "../outside.md", "README.md#no-such-heading", "#no-such-heading"]
)
def test_a_link_that_leads_nowhere_is_found(target: str) -> None:
    assert not leads_somewhere(ROOT / "README.md", target)


def test_every_document_is_reached_from_the_readme() -> None:
    reached, open_ends = set(), [ROOT / "README.md"]
    while open_ends:
        file = open_ends.pop()
        if file in reached or file.suffix != ".md" or not file.is_file():
            continue
        reached.add(file)
        targets = LINK.findall(FENCE.sub("", file.read_text(encoding="utf-8")))
        open_ends += [
            (file.parent / target.partition("#")[0]).resolve() for target in targets if "://" not in target
        ]
    fragments = set((ROOT / "changelog.d").glob("+*"))
    assert set(documents()) - reached - fragments == set()


def definitions(file: Path) -> set[str]:
    """The functions and classes of a module, and the methods as `Class.method`."""
    module = ast.parse(file.read_text(encoding="utf-8"))
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    found = {node.name for node in module.body if isinstance(node, functions)}
    for kind in ast.walk(module):
        if isinstance(kind, ast.ClassDef):
            found |= {
                kind.name,
                *(f"{kind.name}.{node.name}" for node in kind.body if isinstance(node, functions)),
            }
    return found


def references(text: str) -> list[tuple[str, str]]:
    """Each name that a text finds in a linked module, with the link: "`name` and `Class.name` in [module](link)"."""
    return [
        (name, source["link"])
        for source in SOURCE.finditer(text)
        for name in re.findall(r"`([^`]+)`", source["names"])
    ]


def test_what_the_documentation_finds_in_a_module_stands_there() -> None:
    found = [
        (file, name, link)
        for file in documents()
        for name, link in references(FENCE.sub("", file.read_text(encoding="utf-8")))
    ]
    assert {link.rpartition("/")[2] for _, _, link in found} >= {"loop.py", "stepping.py", "task.py"}
    assert [
        where for where in found if where[1] not in definitions((where[0].parent / where[2]).resolve())
    ] == []


def test_names_are_found_beside_the_links_to_their_modules() -> None:
    text = (
        "`unrelated`. `One.two` and\n`three` are\nin [a](a.py), `four` in\n[b](../b.py); `five` in [c](c.md)"
    )
    assert references(text) == [("One.two", "a.py"), ("three", "a.py"), ("four", "../b.py")]


def test_every_finding_is_in_the_index_of_findings() -> None:
    index = (ROOT / "docs" / "reference" / "findings" / "README.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^\| \[?`([a-z-]+)`", index, re.MULTILINE))
    assert {"blocking-call", "timer-drift"} <= listed
    assert {check.name for check in CHECKS} <= listed


def test_every_option_of_the_command_line_is_in_its_reference() -> None:
    sections = (ROOT / "docs" / "reference" / "command-line.md").read_text(encoding="utf-8").split("\n## ")
    context = click.Context(command_line)
    for verb in command_line.list_commands(context):
        command = command_line.get_command(context, verb)
        (section,) = [text for text in sections if text.startswith(f"coroscope {verb}\n")]
        assert command is not None
        for parameter in command.params:
            for option in parameter.opts if isinstance(parameter, click.Option) else ():
                assert f"`{option}" in section, f"{option} of coroscope {verb}"
