"""`Host` and `AsyncHost` are twins: without `async` and `await`, the code of one is the code of the other."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest
import rulebound.host

FOLDER = Path(rulebound.host.__file__).parent
RENAMED = {
    "run_async": "run", "lock_sqlite_async": "lock_sqlite", "drive_async": "drive", "within_async": "within", "AsyncGenerator": "Generator", "AsyncIterator": "Iterator", "asynccontextmanager": "contextmanager",
    "AsyncHttpxSend": "HttpxSend", "AsyncHook": "Hook", "AsyncWorker": "Worker", "AsyncHost": "Host",
}  # fmt: skip
# What must differ, because threads and tasks wait, stop and end in other ways.
DIFFERENT = {
    "_worker.py": {
        "Hook.sleep", "Worker.__init__", "Worker._with_accounts", "Worker.look_up", "Worker.run", "Worker.stop", "Worker.close",
        "Worker._loop", "Worker._pause", "Worker._sender", "Worker._call_handler", "Worker._invoke", "Worker._call_in_transaction",
    },
    "_host.py": {
        "Host.transaction", "Host._repeat", "Host._keys", "Host._transaction", "Host.handle", "Host._handle", "Host.get",
    },
}  # fmt: skip


class _Plain(ast.NodeTransformer):
    """Takes the waiting out of a program that awaits."""

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> Any:
        return self.visit(ast.FunctionDef(**dict(ast.iter_fields(node))))

    def visit_AsyncWith(self, node: ast.AsyncWith) -> Any:
        return self.visit(ast.With(**dict(ast.iter_fields(node))))

    def visit_AsyncFor(self, node: ast.AsyncFor) -> Any:
        return self.visit(ast.For(**dict(ast.iter_fields(node))))

    def visit_Await(self, node: ast.Await) -> Any:
        return self.visit(node.value)

    def visit_Name(self, node: ast.Name) -> Any:
        return ast.Name(RENAMED.get(node.id, node.id), node.ctx)


def functions(name: str) -> dict[str, str]:
    """The text of each function of a module, by its name and its class."""
    tree = ast.parse((FOLDER / name).read_text("utf-8"))
    found = dict[str, str]()
    for owner in tree.body:
        if not isinstance(owner, ast.ClassDef):
            continue
        for it in owner.body:
            if isinstance(it, (ast.FunctionDef, ast.AsyncFunctionDef)):
                key = f"{RENAMED.get(owner.name, owner.name)}.{it.name}"
                text = ast.unparse(ast.fix_missing_locations(_Plain().visit(it)))
                found[key] = found.get(key, "") + text + "\n"  # one name has several overloads
    return found


@pytest.mark.parametrize("name", ["_worker.py", "_host.py"])
def test_twins_differ_only_where_they_must(name: str) -> None:
    blocking, waiting = functions(name), functions(f"_async{name}")
    different = {it for it in blocking.keys() | waiting.keys() if blocking.get(it) != waiting.get(it)}
    assert different == DIFFERENT[name]
