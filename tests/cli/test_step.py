"""`coroscope step --static` shows the instructions of a file that is not run."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.programs import coroscope

PROGRAM = """
open("it-ran", "w").close()
def square(x):
    return x * x
def outer():
    def square(): pass
    class Inner:
        def method(self): return [y for y in self]
    return lambda: Inner
"""


def step(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return coroscope("step", *arguments, folder=folder)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "program.py").write_text(PROGRAM)
    return tmp_path


def titles(done: subprocess.CompletedProcess[str]) -> list[str]:
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    return [lines[number + 1].strip() for number, line in enumerate(lines[:-1]) if not line]


def test_all_code_of_a_file_is_shown_and_none_of_it_runs(folder: Path) -> None:
    done = step(folder, "--static", "program.py")
    assert not (folder / "it-ran").exists()
    shown = titles(done)
    assert shown[:3] == ["<module>", "square", "outer"]
    assert "outer.<locals>.Inner.method" in shown
    assert "outer.<locals>.<lambda>" in shown


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("outer", "outer"),
        ("outer.Inner", "outer.<locals>.Inner"),
        ("outer.<locals>.Inner.method", "outer.<locals>.Inner.method"),
        ("method", "outer.<locals>.Inner.method"),
        ("square", "square"),
        ("outer.square", "outer.<locals>.square"),
        ("<module>", "<module>"),
    ],
)
def test_a_function_is_named_by_its_qualified_name_or_the_end_of_it(
    folder: Path, name: str, first: str
) -> None:
    assert titles(step(folder, "--static", f"program.py:{name}"))[0] == first


def test_json_is_a_line_an_instruction(folder: Path) -> None:
    done = step(folder, "--static", "--json", "program.py:square")
    rows: list[dict[str, Any]] = [json.loads(line) for line in done.stdout.splitlines()]
    [operator] = [row for row in rows if row["opcode"] == "BINARY_OP"]
    assert operator["function"] == "square"
    assert operator["file"] == "program.py"
    assert (operator["line"], operator["column"], operator["end_column"]) == (4, 11, 16)
    assert (operator["meaning"], operator["depth"], operator["effect"]) == ("*", 2, -1)
    assert operator["sentence"] == "Pop the right operand, then the left one; push left * right."
    assert set(operator) == {
        "function", "file", "line", "end_line", "column", "end_column", "offset", "opcode", "arg", "meaning",
        "jump_target", "handler", "depth", "effect", "jump_effect", "sentence",
    }  # fmt: skip


BAD: dict[str, tuple[bytes, str]] = {
    "syntax.py": (b"x = 1\ndef f(:\n", "(line 2)"),
    "latin.py": (b'x = 1\n\nprint("\xe9")\n', "it is not utf-8 at byte 14"),
    "encoding.py": (b"# coding: nonsense\n", "unknown encoding: nonsense"),
    "null.py": (b"a\0b", "null bytes"),
    "deep.py": (b"(" * 500 + b")" * 500, "too many nested parentheses"),
    "return.py": (b"return 1", "'return' outside function"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_file_that_is_no_source_is_refused_in_a_sentence(tmp_path: Path, name: str) -> None:
    content, reason = BAD[name]
    (tmp_path / name).write_bytes(content)
    assert_refused(step(tmp_path, "--static", name), f"'{name}'", reason)


def test_what_is_not_there_is_refused_in_a_sentence(folder: Path) -> None:
    assert_refused(step(folder, "--static", "nothing.py"), "there is no file 'nothing.py'")
    assert_refused(step(folder, "--static", "nothing.py:f"), "there is no file 'nothing.py:f'")
    assert_refused(step(folder, "--static", "."), "Is a directory")
    assert_refused(step(folder, "--static", "program.py:squares"), "has no function 'squares': it has square")


def test_another_encoding_is_read_as_python_reads_it(tmp_path: Path) -> None:
    (tmp_path / "latin.py").write_bytes("# coding: latin-1\nname = 'é'\n".encode("latin-1"))
    done = step(tmp_path, "--static", "latin.py")
    assert "'é'" in done.stdout


def test_lines_end_where_python_ends_them(tmp_path: Path) -> None:
    (tmp_path / "lines.py").write_bytes(b"a = 1\r\nb = 2\r# \x0c \xe2\x80\xa8\nc = 3\n")
    lines = step(tmp_path, "--static", "lines.py").stdout.splitlines()
    assert [line.split() for line in lines if "= " in line] == [
        [n, v, "=", n] for n, v in (("1", "a"), ("2", "b"))
    ] + [["4", "c", "=", "3"]]


def assert_refused(done: subprocess.CompletedProcess[str], *words: str) -> None:
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("coroscope: ")
    assert done.stderr.count("\n") == 1
    for word in words:
        assert word in done.stderr
