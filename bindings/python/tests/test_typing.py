"""Strict checkers accept the package, its tests and its examples, and report every mistake."""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from test_readme import program

HERE = Path(__file__).parent
ROOT = HERE.parent
PACKAGE = ROOT / "python" / "rulebound"
MISTAKES = HERE / "typing" / "mistakes.py"
CHECKERS = {
    "mypy": [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "--cache-dir", "/dev/null"],
    "pyright": [sys.executable, "-m", "pyright", "--project", str(ROOT), "--pythonpath", sys.executable],
}


def run(*command: str | Path, cwd: Path = HERE) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(it) for it in command], cwd=cwd, capture_output=True, text=True)


@pytest.mark.parametrize("checker", CHECKERS)
def test_what_is_right_is_accepted(checker: str, tmp_path: Path) -> None:
    readme = tmp_path / "readme.py"
    readme.write_text(program())
    right = [it for it in sorted((HERE / "typing").glob("*.py")) if it != MISTAKES]
    right += [HERE / "transcript.py", *sorted((ROOT / "examples").glob("*.py")), readme]
    # Of a module with a stub, the stub alone has types.
    right += [it for it in sorted(PACKAGE.rglob("*.py")) if not it.with_suffix(".pyi").exists()]
    checked = run(*CHECKERS[checker], *right)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("checker", CHECKERS)
def test_every_mistake_is_reported(checker: str) -> None:
    checked = run(*CHECKERS[checker], MISTAKES)
    reported = {int(line) for line in re.findall(r"mistakes\.py:(\d+)(?::\d+)?(?: -|:) error", checked.stdout)}
    lines = enumerate(MISTAKES.read_text().splitlines(), 1)
    assert reported == {number for number, line in lines if line.endswith("# wrong")}, checked.stdout


def test_the_stubs_say_what_is_there(tmp_path: Path) -> None:
    allowed = HERE / "typing" / "stubtest-allowed.txt"
    # It writes a cache where it runs, whatever its options are.
    checked = run(sys.executable, "-m", "mypy.stubtest", "rulebound", "--allowlist", allowed, cwd=tmp_path)
    assert checked.returncode == 0, checked.stdout


def described(body: list[ast.stmt], of: str = "") -> dict[str, str]:
    """The docstrings of a stub, by the dotted names of what has them."""
    found = {}
    for it in body:
        if isinstance(it, ast.ClassDef | ast.FunctionDef) and not it.name.startswith("_"):
            found[of + it.name] = ast.get_docstring(it) or ""
            found |= described(it.body, f"{it.name}.") if isinstance(it, ast.ClassDef) else {}
    return found


@pytest.mark.parametrize("module", ["_rulebound", "flex", "revup", "truemed", "vend"])
def test_stubs_describe_what_is_there_in_its_own_words(module: str) -> None:
    it = import_module(f"rulebound.{module}")
    stub = ast.parse((PACKAGE / f"{module}.pyi").read_text())
    docs = {"": ast.get_docstring(stub), **described(stub.body)}
    for name, doc in docs.items():
        for part in filter(None, name.split(".")):
            it = getattr(it, part)
        assert doc and doc == inspect.getdoc(it), name
        it = import_module(f"rulebound.{module}")
