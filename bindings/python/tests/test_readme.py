"""The README's first example runs as it is written; the others are files of `examples`, and are tested there."""

import re
from pathlib import Path

README = Path(__file__).parent.parent / "README.md"


def test_the_first_example_runs() -> None:
    first = re.search(r"```python\n(.*?)```\n", README.read_text(), re.DOTALL)
    assert first
    exec(compile(first[1], "README.md", "exec"), {})
