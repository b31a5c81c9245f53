"""Strict checkers accept the package, its tests and its examples, and report every mistake."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parent
MISTAKES = HERE / "typing" / "mistakes.py"
CHECKERS = {
    "mypy": [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "--cache-dir", "/dev/null"],
    "pyright": [sys.executable, "-m", "pyright", "--project", str(ROOT), "--pythonpath", sys.executable],
}


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(it) for it in command], cwd=HERE, capture_output=True, text=True)


@pytest.mark.parametrize("checker", CHECKERS)
def test_what_is_right_is_accepted(checker: str) -> None:
    right = [HERE / "typing" / "accepted.py", HERE / "transcript.py", *sorted((ROOT / "examples").glob("*.py"))]
    checked = run(*CHECKERS[checker], *right)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("checker", CHECKERS)
def test_every_mistake_is_reported(checker: str) -> None:
    checked = run(*CHECKERS[checker], MISTAKES)
    reported = {int(line) for line in re.findall(r"mistakes\.py:(\d+)(?::\d+)?(?: -|:) error", checked.stdout)}
    lines = enumerate(MISTAKES.read_text().splitlines(), 1)
    assert reported == {number for number, line in lines if line.endswith("# wrong")}, checked.stdout


def test_the_stubs_say_what_is_there() -> None:
    allowed = HERE / "typing" / "stubtest-allowed.txt"
    checked = run(sys.executable, "-m", "mypy.stubtest", "rulebound", "--allowlist", allowed)
    assert checked.returncode == 0, checked.stdout


def test_everything_public_has_a_docstring() -> None:
    import inspect

    import rulebound

    public = {name: it for name, it in vars(rulebound).items() if not name.startswith("_") and callable(it)}
    public |= {f"{it.__module__}.{it.__name__}": it for it in rulebound.flows.values()}
    members = {
        f"{name}.{member}": getattr(it, member)
        for name, it in public.items()
        if isinstance(it, type)
        for member in vars(it)
        if not member.startswith("_")
    }
    assert [name for name, it in (public | members).items() if not inspect.getdoc(it)] == []
