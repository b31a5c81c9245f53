"""Where the compiled part is missing or is for another machine, the error names the cure."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import rulebound


def why_not(tmp_path: Path, binary: bytes | None) -> str:
    """What a new process says of an import, with this binary in place of the package's own."""
    installed = Path(rulebound.__file__).parent
    package = tmp_path / "rulebound"
    shutil.copytree(installed, package, ignore=shutil.ignore_patterns("_rulebound.*", "__pycache__"))
    if binary is not None:
        (package / "_rulebound.abi3.so").write_bytes(binary)
    program = "import sys; sys.path.insert(0, sys.argv[1]); import rulebound"
    ended = subprocess.run([sys.executable, "-I", "-c", program, tmp_path], capture_output=True, text=True)
    assert ended.returncode != 0
    return ended.stderr


def test_a_folder_of_sources_says_how_to_install(tmp_path: Path) -> None:
    said = why_not(tmp_path, None)
    assert "No module named 'rulebound._rulebound'" in said
    assert "ImportError: rulebound has no compiled part" in said
    assert "pip install --force-reinstall rulebound" in said


def test_a_binary_for_another_machine_says_how_to_name_it(tmp_path: Path) -> None:
    said = why_not(tmp_path, b"\x7fELF of another machine")
    assert "ImportError: rulebound has no compiled part" in said
    assert "_rulebound.abi3.so" in said
    assert "--platform" in said
