"""The programs of the README and of the host's page run as they are written, and print what the README says."""

import re
from pathlib import Path

import pytest

README = Path(__file__).parent.parent / "README.md"
HOST = README.parent / "docs" / "host.md"
FRONT = Path(__file__).parents[3] / "README.md"


def blocks(kind: str, page: Path = README) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```\n", page.read_text(), re.DOTALL)


def program() -> str:
    """All programs of the README and of the host's page, each of which continues the one before."""
    return "\n".join([*blocks("python"), *blocks("python", HOST)])


def test_the_programs_run_and_print_what_the_readme_says(capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(program(), "README.md", "exec"), {})
    assert capsys.readouterr().out == blocks("text")[0]


def test_the_readme_is_short() -> None:
    assert len(README.read_text().splitlines()) < 350


def test_the_links_between_the_pages_lead_somewhere() -> None:
    for page in (README, HOST):
        for link in re.findall(r"\]\(([^)#]+)", page.read_text()):
            assert link.startswith("https://") or (page.parent / link).exists(), f"{page.name}: {link}"


@pytest.mark.parametrize("number", [0, 1])
def test_the_programs_on_the_front_page_run_and_print_what_it_says(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    text = FRONT.read_text()
    exec(compile(re.findall(r"```python\n(.*?)```\n", text, re.DOTALL)[number], "README.md", "exec"), {})
    printed = capsys.readouterr().out
    assert printed == ("" if number == 0 else re.findall(r"```text\n(.*?)```\n", text, re.DOTALL)[0])
