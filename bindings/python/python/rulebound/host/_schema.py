"""The tables: making them, checking them, and the formats that every worker reads."""

from __future__ import annotations

import re

import rulebound

from ._kit import Kit, newest_format
from ._sql import VERSION, Dialect, Script, Statement
from ._types import HostError, Problem

_TABLE = re.compile(r"CREATE TABLE \S*(rulebound_\w+) \((.*?)\n\)", re.S)
_COLUMN = re.compile(r"^    ([a-z_]+) +[a-z]", re.M)
_INDEX = re.compile(r"CREATE (?:UNIQUE )?INDEX (\w+)")
# Two programs that start at once make the tables one after the other. The kits have the same lock.
_LOCK = "SELECT pg_advisory_xact_lock(hashtext('rulebound.migrate'))"
_COLUMNS_SQLITE = (
    "SELECT m.name, c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table' "
    "AND m.name LIKE 'rulebound%'"
)
_COLUMNS_POSTGRES = (
    "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = ? AND table_name LIKE 'rulebound%'"
)
_INDEXES_SQLITE = "SELECT name FROM sqlite_master WHERE type = 'index'"
_INDEXES_POSTGRES = "SELECT indexname FROM pg_indexes WHERE schemaname = ?"


def version(dialect: Dialect) -> Script[tuple[int, int]]:
    """The version of the tables, and the oldest kit that can work with them; 0 if there are none."""
    if dialect.postgres:
        found = yield Statement("SELECT to_regclass(?)", (f'"{dialect.schema}".rulebound_schema_version',))
        is_there = found.rows[0][0] is not None
    else:
        name = "SELECT 1 FROM sqlite_master WHERE name = 'rulebound_schema_version'"
        is_there = bool((yield Statement(name)).rows)
    if not is_there:
        return 0, 0
    row = (yield Statement("SELECT version, readable_from FROM {p}schema_version")).rows[0]
    return row[0], row[1]


def statements(dialect: Dialect, since: int) -> list[str]:
    """The SQL that completes the tables, one statement each."""
    text = "".join(dialect.migration(number) for number in range(since + 1, VERSION + 1))
    lines = [line.split("--")[0].rstrip() for line in text.splitlines()]
    return [it.strip() for it in "\n".join(lines).split(";") if it.strip()]


def migrate(dialect: Dialect) -> Script[list[str]]:
    """Makes or completes the tables, and returns what it executed."""
    if dialect.postgres:
        yield Statement(_LOCK)
    since, _ = yield from version(dialect)
    done = statements(dialect, since)
    for statement in done:
        yield Statement(statement)
    return done


def start(kit: Kit) -> Script[None]:
    """Fails closed if this kit cannot work with these tables or write these formats."""
    found, readable_from = yield from version(kit.dialect)
    if found == 0:
        raise HostError("The database has no tables of the host. Run `rulebound migrate`.")
    if found < VERSION or readable_from > VERSION:
        cure = "Run `rulebound migrate`." if found < VERSION else "Deploy a newer release of rulebound."
        raise HostError(f"The tables have version {found}, and this kit works with version {VERSION}. {cure}")
    yield from read_formats(kit)


def read_formats(kit: Kit) -> Script[None]:
    """The format of each flow that everybody writes. The first kit of a database names its own newest ones."""
    flows = [it for it in rulebound.flows if it.split(".")[0] in kit.providers]
    known = dict((row[0], row[1]) for row in (yield Statement("SELECT flow, format FROM {p}formats")).rows)
    for flow in flows:
        if flow not in known:
            known[flow] = newest_format(flow)
            yield Statement("INSERT INTO {p}formats VALUES (?, ?) ON CONFLICT DO NOTHING", (flow, known[flow]))
        if known[flow] not in rulebound.versions()["formats"][flow]:
            raise HostError(
                f"{flow} is saved in format {known[flow]}, which this release cannot write. Deploy the newer release."
            )
    kit.formats = {str(flow): known[flow] for flow in flows}


def raise_formats(kit: Kit) -> Script[dict[str, int]]:
    """Lets everybody write the newest formats. Only when no worker of an older release runs, or will run again."""
    newest = {flow: newest_format(flow) for flow in kit.formats}
    for flow, number in newest.items():
        yield Statement("UPDATE {p}formats SET format = ? WHERE flow = ? AND format < ?", (number, flow, number))
    kit.formats = newest
    return newest


def drift(dialect: Dialect) -> Script[list[Problem]]:
    """Tables, columns and indexes that should be there and are not."""
    found, _ = yield from version(dialect)
    if found == 0:
        return [Problem("schema", "There are no tables. Run `rulebound migrate`.")]
    params = (dialect.schema,) if dialect.postgres else ()
    columns = yield Statement(_COLUMNS_POSTGRES if dialect.postgres else _COLUMNS_SQLITE, params)
    indexes = yield Statement(_INDEXES_POSTGRES if dialect.postgres else _INDEXES_SQLITE, params)
    have = {(row[0], row[1]) for row in columns.rows} | {(row[0], "") for row in indexes.rows}
    return [it for number in range(1, min(found, VERSION) + 1) for it in _missing(dialect.migration(number), have)]


def settings(dialect: Dialect) -> Script[list[Problem]]:
    """Settings of the database without which "never twice" does not hold."""
    if dialect.postgres:
        fsync, is_replica = (yield Statement("SELECT current_setting('fsync'), pg_is_in_recovery()")).rows[0]
        wrong = {
            "`fsync` is off: a crash of the server can lose a lease, and a request is sent twice. Set it to on.": fsync != "on",
            "This server is a replica, where nothing can be saved. Connect to the primary.": is_replica,
        }
    else:
        mode = (yield Statement("PRAGMA journal_mode")).rows[0][0]
        level = (yield Statement("PRAGMA synchronous")).rows[0][0]
        wrong = {
            "`journal_mode` is not WAL: a reader and a writer block each other. Set it when you open the database.": mode != "wal",
            "`synchronous` is not FULL: a power failure can lose a lease, and a request is sent twice. Set it on each connection.": level < 2,
        }
    return [Problem("database", detail) for detail, is_wrong in wrong.items() if is_wrong]


def _missing(text: str, have: set[tuple[str, str]]) -> list[Problem]:
    """What a migration has made and is not there, with the SQL that brings it back."""
    created = [it.strip() for it in "\n".join(line.split("--")[0].rstrip() for line in text.splitlines()).split(";")]
    problems = list[Problem]()
    for name in _INDEX.findall(text):
        if (name, "") not in have:
            sql = next(it for it in created if re.search(rf"INDEX {name}\b", it))
            problems.append(Problem("schema", f"`{name}` is missing. Execute: {' '.join(sql.split())}"))
    tables = {table for table, _ in have}
    for table, body in _TABLE.findall(text):
        if table not in tables:
            sql = next(it for it in created if re.search(rf"CREATE TABLE \S*{table} ", it))
            problems.append(Problem("schema", f"`{table}` is missing. Restore a backup, or execute: {' '.join(sql.split())}"))
            continue
        for column in _COLUMN.findall(body):
            if (table, column) not in have:
                line = next(it for it in body.splitlines() if it.startswith(f"    {column} "))
                definition = " ".join(line.split("--")[0].strip().rstrip(",").split())
                cure = f"Restore a backup, or execute: ALTER TABLE {table} ADD COLUMN {definition}"
                problems.append(Problem("schema", f"`{table}` has no column `{column}`. {cure}"))
    return problems
