"""Writes Python's types: from `{path: JSON Schema}` on the standard input to `{path: module}` on the standard output."""

import json
import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

OPTIONS = """
--input-file-type jsonschema --output-model-type typing.TypedDict --target-python-version 3.11 --disable-timestamp
--use-union-operator --use-standard-collections --enum-field-as-literal all --no-use-closed-typed-dict
--use-schema-description --use-field-description --use-single-line-docstring --use-double-quotes --formatters black
--skip-root-model
""".split()


def module(schema: str) -> str:
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "pyproject.toml").write_text("[tool.black]\nline-length = 120\n")
        (folder / "schema.json").write_text(schema)
        program = [sys.executable, "-W", "ignore", "-m", "datamodel_code_generator", "--input", "schema.json", "--output", "made.py"]
        header = ["--custom-file-header", f'"""{json.loads(schema)["description"]}"""']
        subprocess.run([*program, *OPTIONS, *header], cwd=folder, check=True)
        return final((folder / "made.py").read_text())


def final(module: str) -> str:
    """Closes every type: a checker tells the members of a union apart by a field only if none can have more of them."""
    module = module.replace("TypeAlias, TypedDict\n", "TypeAlias, TypedDict, final\n", 1)
    return re.sub(r"^class .*\(TypedDict\):$", r"@final\n\g<0>", module, flags=re.MULTILINE)


json.dump({path: module(schema) for path, schema in json.load(sys.stdin).items()}, sys.stdout)
