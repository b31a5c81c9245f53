"""The README's first example runs as it is written; the others are files of `examples`, and are tested there."""

import re
from pathlib import Path

README = Path(__file__).parent.parent / "README.md"


def first_example() -> str:
    first = re.search(r"```python\n(.*?)```\n", README.read_text(), re.DOTALL)
    assert first
    return first[1]


def test_the_first_example_runs() -> None:
    exec(compile(first_example(), "README.md", "exec"), {})
