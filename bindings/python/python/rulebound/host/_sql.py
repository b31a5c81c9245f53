"""Statements and scripts.

A script is a generator: it yields statements, gets their results, and returns what was decided. It is the only source of
each transaction. A database runs it: one that blocks, or one that awaits.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from importlib.resources import files
from json.encoder import encode_basestring_ascii
from typing import Any, NamedTuple, TypeAlias, TypeVar

T = TypeVar("T")


class Statement(NamedTuple):
    """A template with `?` for each parameter, `{p}` before each table, and what the dialect replaces."""

    sql: str
    params: Sequence[Any] = ()


class Result(NamedTuple):
    rows: list[tuple[Any, ...]]
    affected: int


Script: TypeAlias = Generator[Statement, Result, T]

_NOW = "(extract(epoch FROM {clock}()) * 1000)::bigint"


class Dialect:
    """How one database spells what the templates leave open."""

    def __init__(self, name: str, schema: str = "public", own_clock: bool = False) -> None:
        self.name = name
        self.schema = schema
        self.postgres = name == "postgres"
        # PostgreSQL's clock is read with the lock, so that workers on several machines agree about the time.
        self.own_clock = self.postgres and not own_clock
        self._compiled: tuple[dict[str, str], dict[str, str]] = {}, {}
        self._together: dict[tuple[str, ...], str] = {}

    @property
    def prefix(self) -> str:
        return f'"{self.schema}".rulebound_' if self.postgres else "rulebound_"

    def compile(self, template: str, qmark: bool) -> str:
        """The template as the driver takes it: with `?`, or with `%s`."""
        compiled = self._compiled[qmark]
        found = compiled.get(template)
        if found is None:
            found = self._fill(template)
            if not qmark:
                found = found.replace("%", "%%").replace("?", "%s")
            compiled[template] = found
        return found

    def _fill(self, template: str) -> str:
        clock = _NOW.format(clock="clock_timestamp") if self.own_clock else "NULL"
        # An index can be used only with a function that is stable within the statement.
        due = f"coalesce(?::bigint, {_NOW.format(clock='statement_timestamp')})" if self.own_clock else "?"
        names = {
            "{p}": self.prefix,
            "{now}": clock,
            "{due}": due,
            "{lock}": "FOR UPDATE" if self.postgres else "",
            "{lock_skipping}": "FOR UPDATE SKIP LOCKED" if self.postgres else "",
            "{any}": "= ANY(?)" if self.postgres else "IN (SELECT value FROM json_each(?))",
        }
        for name, text in names.items():
            template = template.replace(name, text)
        return template

    def together(self, writes: Sequence[Statement]) -> Statement:
        """Writes as one statement of PostgreSQL, whose row has how many rows the first one wrote."""
        templates = tuple(it.sql for it in writes)
        found = self._together.get(templates)
        if found is None:
            parts = (f"w{number} AS ({text} RETURNING 1)" for number, text in enumerate(templates))
            found = self._together[templates] = f"WITH {', '.join(parts)} SELECT count(*) FROM w0"
        return Statement(found, [value for it in writes for value in it.params])

    def array(self, texts: Sequence[str]) -> Any:
        return list(texts) if self.postgres else f"[{','.join(map(encode_basestring_ascii, texts))}]"

    def migration(self, version: int) -> str:
        """The SQL that makes the tables of a schema version."""
        folder = files("rulebound.host").joinpath("_files", "sql", self.name)
        (name,) = [it.name for it in folder.iterdir() if it.name.startswith(f"{version:04}_")]
        return folder.joinpath(name).read_text("utf-8").replace("{schema}", f'"{self.schema}"')


def write(dialect: Dialect, writes: Sequence[Statement]) -> Script[int]:
    """Writes that do not read what another one of them wrote: one message to PostgreSQL. Gives how many rows the first wrote."""
    if dialect.postgres and len(writes) > 1:
        written: int = (yield dialect.together(writes)).rows[0][0]
        return written
    counts = list[int]()
    for it in writes:
        counts.append((yield it).affected)
    return counts[0]


VERSION = 1
"""The newest schema version that this kit knows."""
