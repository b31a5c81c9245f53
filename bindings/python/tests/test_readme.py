"""The README's programs run as they are written, and print what it says; the host is in `examples`, and is tested there."""

import re
from pathlib import Path

import pytest

README = Path(__file__).parent.parent / "README.md"


def blocks(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```\n", README.read_text(), re.DOTALL)


def program() -> str:
    """All programs of the README, each of which continues the one before."""
    return "\n".join(blocks("python"))


def test_the_programs_run_and_print_what_the_readme_says(capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(program(), "README.md", "exec"), {})
    assert capsys.readouterr().out == blocks("text")[0]


def test_the_readme_is_short() -> None:
    assert len(README.read_text().splitlines()) < 400
