"""The tables: making them, checking them, and the formats that every worker reads."""

from __future__ import annotations

import re

import rulebound

from ._kit import Kit, newest_format
from ._sql import VERSION, Dialect, Script, Statement
from ._types import HostError, Problem

_TABLE = re.compile(r"CREATE TABLE (\S*?(rulebound_\w+)) \((.*)\n\)", re.S)
_COLUMN = re.compile(r"^    ([a-z_]+) +([a-z]+).*$", re.M)
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


class Broken(HostError):
    """Some tables are there, and none says their version: what is wrong, and what to do."""


def version(dialect: Dialect) -> Script[tuple[int, int]]:
    """The version of the tables, and the oldest kit that can work with them; 0 if there are none."""
    if not (yield from _has_table(dialect, "rulebound_schema_version")):
        if (yield from _has_table(dialect, "rulebound_flows")):
            raise Broken(_cure(dialect, "missing", "CREATE TABLE"))
        return 0, 0
    rows = (yield Statement("SELECT version, readable_from FROM {p}schema_version ORDER BY version DESC LIMIT 1")).rows
    if not rows:
        raise Broken(_cure(dialect, "empty", "CREATE TABLE IF NOT EXISTS"))
    return rows[0][0], rows[0][1]


def _has_table(dialect: Dialect, table: str) -> Script[bool]:
    if dialect.postgres:
        found = yield Statement("SELECT to_regclass(?)", (f'"{dialect.schema}".{table}',))
        return found.rows[0][0] is not None
    return bool((yield Statement("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", (table,))).rows)


def _cure(dialect: Dialect, what: str, create: str) -> str:
    made = [" ".join(it.split()) for it in statements(dialect, 0) if "rulebound_schema_version" in it]
    sql = "; ".join(made).replace("CREATE TABLE", create, 1)
    return f"`rulebound_schema_version` is {what}. Restore a backup, or execute: {sql}"


def statements(dialect: Dialect, since: int) -> list[str]:
    """The SQL that completes the tables, one statement each."""
    return _statements("".join(dialect.migration(number) for number in range(since + 1, VERSION + 1)))


def _statements(text: str) -> list[str]:
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
    try:
        found, _ = yield from version(dialect)
    except Broken as error:
        return [Problem("schema", str(error))]
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
    tables = {table for table, _ in have}
    said = list[str]()
    for sql in _statements(text):
        index, table = _INDEX.match(sql), _TABLE.match(sql)
        whole = " ".join(sql.split())
        if index and (index[1], "") not in have:
            said.append(f"`{index[1]}` is missing. Execute: {whole}")
        if table and table[2] not in tables:
            said.append(f"`{table[2]}` is missing. Restore a backup, or execute: {whole}")
        elif table:
            gone = [it for it in _COLUMN.finditer(table[3]) if (table[2], it[1]) not in have]
            for column in gone:
                cure = f"ALTER TABLE {table[1]} ADD COLUMN {_addable(' '.join(column[0].split()).rstrip(','), column[2])}"
                said.append(f"`{table[2]}` has no column `{column[1]}`. Restore a backup, or execute: {cure}")
    return [Problem("schema", it) for it in said]


def _addable(definition: str, kind: str) -> str:
    """The definition of a column as it can be added to a table with rows: what must not be null begins as empty."""
    empty = "0" if kind in ("bigint", "integer") else "''"
    return f"{definition} DEFAULT {empty}" if definition.endswith("NOT NULL") else definition
