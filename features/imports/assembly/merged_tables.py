"""The tables of a history and of a newer export in one session, on their way to one.

Those of the export are in the schema `main`, those of the history in the schema `old`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from typing import Any, Final

import duckdb

from features.history.text_rule import TextRule
from features.imports.assembly.assembly import Assembly
from features.imports.format.map_format import ImportMap
from features.imports.rows.blocks import REASON
from features.imports.rows.cells import is_number, text_of
from features.imports.rows.taken_rows import TakenBlock
from features.imports.session import columns_of, literal, quoted, run
from features.tables.schema import REQUIRED

OLD: Final = "old"
# Columns by which rows without an id are compared: when a row became known is what differs.
_KNOWN: Final = "available_at"


class MergedTables:
    """The tables of a session on their way from two histories to one."""

    def __init__(self, assembly: Assembly, rule: TextRule, before: int, exported_at: int) -> None:
        self._assembly = assembly
        self._connection: duckdb.DuckDBPyConnection = assembly.connection
        self._rule = rule
        self._before = f"make_timestamptz({before})"
        self._now = f"make_timestamptz({exported_at})"

    def erase(self) -> int:
        """Removes leads that asked to be forgotten, and everything of them, from the history."""
        aliases = f"SELECT alias_id, lead_id FROM {OLD}.lead_aliases" if self._is_old("lead_aliases") else ""
        if aliases:
            self._run(
                "INSERT INTO erased WITH RECURSIVE more AS (SELECT lead_id FROM erased UNION "
                f"SELECT a.alias_id FROM ({aliases}) a JOIN more USING (lead_id)) "
                "SELECT lead_id FROM more EXCEPT SELECT lead_id FROM erased"
            )
        count = self._count(f"{OLD}.leads WHERE lead_id IN (SELECT lead_id FROM erased)")
        for table in (table for table in REQUIRED if self._is_old(table)):
            self._run(f"DELETE FROM {OLD}.{table} WHERE lead_id IN (SELECT lead_id FROM erased)")
        return count

    def leads_gone(self, blocks: Sequence[TakenBlock]) -> dict[str, int]:
        """Counts leads of the history that the export has no more, or has as deleted: they stay."""
        deleted = " UNION ".join(
            f"SELECT lead_id FROM {quoted(block.table)} WHERE {REASON} = 'deleted'" for block in blocks
        )
        self._run(
            f"CREATE TABLE gone AS SELECT lead_id FROM {OLD}.leads "
            "WHERE lead_id NOT IN (SELECT id FROM known)"
        )
        marked = self._count(f"gone WHERE lead_id IN ({deleted})")
        return {
            "leads deleted at the source, which stay": marked,
            "leads that are gone from the source, which stay": self._count("gone") - marked,
        }

    def attribute_changes(self, import_map: ImportMap) -> int:
        """Adds a change for each value that differs from the last one known, and the new rows of a log."""
        log = "attribute_changes"
        if log not in self._assembly.tables:
            columns = "lead_id VARCHAR, attribute VARCHAR, value VARCHAR, available_at TIMESTAMPTZ"
            self._run(f"CREATE TABLE {log} ({columns})")
            self._assembly.tables[log] = REQUIRED[log]
        # The value before a change was needed for that at creation alone; what is stored does not have it.
        self._run(
            f"CREATE OR REPLACE TABLE {log} AS SELECT lead_id, attribute, value, available_at FROM {log}"
        )
        if self._is_old(log):
            self._run(
                f"INSERT INTO {log} BY NAME SELECT lead_id, attribute, value, available_at FROM {OLD}.{log}"
            )
        self._run(
            "CREATE TABLE last_values AS SELECT lead_id, attribute, "
            "arg_max({'text': value}, available_at).text AS value FROM "
            f"{log} WHERE available_at <= {self._before} GROUP BY ALL"
        )
        found = 0
        for name, attribute in import_map.attributes().items():
            if attribute.known != "changes" and name in self._assembly.tables["leads"]:
                found += self._compare(name)
        return found

    def unite_changes(self) -> None:
        """Leaves one of the changes that history and export have: after both were moved behind outcomes."""
        log = "attribute_changes"
        self._run(f"CREATE OR REPLACE TABLE {log} AS SELECT DISTINCT * FROM {log}")
        if not self._count(log):
            del self._assembly.tables[log]

    def _compare(self, name: str) -> int:
        kind, old_kind = (self._kinds(schema, "leads").get(name, "") for schema in ("main", OLD))
        new = text_of(f"new.{quoted(name)}", kind, self._rule)
        old = text_of(f"o.{quoted(name)}", old_kind, self._rule) if old_kind else "NULL"
        last = "CASE WHEN last.lead_id IS NULL THEN " + old + " ELSE last.value END"
        ((count,),) = self._run(
            f"INSERT INTO attribute_changes SELECT lead_id, {literal(name)}, value, {self._now} FROM ("
            f"SELECT new.lead_id, {new} AS value, {last} AS before FROM leads new "
            f"JOIN {OLD}.leads o USING (lead_id) LEFT JOIN last_values last "
            f"ON last.lead_id = new.lead_id AND last.attribute = {literal(name)}) "
            f"WHERE value IS DISTINCT FROM before AND NOT {_is_written_otherwise({kind, old_kind})}"
        )
        return int(count)

    def leads(self) -> int:
        """Keeps the leads of the history as they were, and adds those that are new."""
        count = self._count(f"leads WHERE lead_id NOT IN (SELECT lead_id FROM {OLD}.leads)")
        self._run(f"CREATE TABLE known_leads AS SELECT lead_id FROM {OLD}.leads")
        self._unite("leads", f"lead_id NOT IN (SELECT lead_id FROM {OLD}.leads)")
        return count

    def rows(self, table: str, ids: Sequence[str]) -> int:
        """Adds the rows that the history lacks: by their id, and by content where they have none.

        Args:
            table: name of the table.
            ids: columns of the id, the last of which tells whether there is one.
        """
        if not self._is_old(table):
            return self._count(table) if table in self._assembly.tables else 0
        if table not in self._assembly.tables:
            self._run(f"CREATE TABLE {table} AS SELECT * FROM {OLD}.{table}")
            self._assembly.tables[table] = tuple(self._kinds(OLD, table))
            return 0
        has_ids = table == "interactions" and all(
            name in self._kinds(schema, table) for name in ids for schema in ("main", OLD)
        )
        for schema in ("main", OLD):
            content = self._content(schema, table)
            key = f"concat('content', {content}, '#', row_number() OVER (PARTITION BY {content}))"
            if has_ids:
                own = f"concat('id', {ids[0]}, chr(31), {ids[-1]})"
                key = f"CASE WHEN {ids[-1]} IS NULL THEN {key} ELSE {own} END"
            self._run(
                f"CREATE OR REPLACE TABLE {schema}_keys AS SELECT rowid AS row, {key} AS key "
                f"FROM {schema}.{table}"
            )
        self._run(
            "CREATE OR REPLACE TABLE added AS SELECT row FROM main_keys "
            "WHERE key NOT IN (SELECT key FROM old_keys)"
        )
        count = self._count("added")
        if count and table != "lead_aliases":
            self._set_known(table, ids)
        self._unite(table, "rowid IN (SELECT row FROM added)")
        return count

    def _set_known(self, table: str, ids: Sequence[str]) -> None:
        """Makes a row that is late, or corrects another, known at this export."""
        if _KNOWN not in self._kinds("main", table):
            self._run(f"ALTER TABLE {table} ADD COLUMN {_KNOWN} TIMESTAMPTZ")
            self._assembly.tables[table] = (*self._assembly.tables[table], _KNOWN)
        kind = "kind" if table == "interactions" else "outcome"
        # A kind that is new may come of a map that reads more than it did.
        is_late = f"{_KNOWN} IS NULL AND {kind} IN (SELECT {kind} FROM {OLD}.{table})"
        if table == "outcomes" and all(name in self._kinds(OLD, table) for name in ids):
            pairs = ", ".join(ids)
            is_late = f"(({is_late}) OR ({pairs}) IN (SELECT ({pairs}) FROM {OLD}.{table}))"
        self._run(
            f"UPDATE {table} SET {_KNOWN} = {self._now} WHERE rowid IN (SELECT row FROM added) AND {is_late} "
            f"AND coalesce({_KNOWN}, occurred_at) <= {self._before} "
            "AND lead_id IN (SELECT lead_id FROM known_leads)"
        )

    def _content(self, schema: str, table: str) -> str:
        """Writes the content of a row as one text, whatever the types of its columns."""
        kinds = self._kinds(schema, table)
        names = sorted(
            {*self._kinds("main", table), *self._kinds(OLD, table)} - {_KNOWN, "occurred_at day", "reopens"}
        )
        cells = [
            f"coalesce({text_of(quoted(name), kinds[name], self._rule)}, chr(30))"
            if name in kinds
            else "chr(30)"
            for name in names
        ]
        return f"md5(concat_ws(chr(31), {', '.join(cells)}))"

    def _unite(self, table: str, condition: str) -> None:
        """Replaces a table of the export by the rows of the history and those of its own that are added."""
        new, old = self._kinds("main", table), self._kinds(OLD, table)
        mixed = {name for name in new if name in old and new[name] != old[name]}

        def cells(kinds: Mapping[str, str]) -> str:
            return ", ".join(
                f"{text_of(quoted(name), kind, self._rule)} AS {quoted(name)}"
                if name in mixed
                else quoted(name)
                for name, kind in kinds.items()
            )

        self._run(
            f"CREATE TABLE united AS SELECT {cells(old)} FROM {OLD}.{table} UNION ALL BY NAME "
            f"SELECT {cells(new)} FROM {table} WHERE {condition}"
        )
        self._run(f"DROP TABLE {table}")
        self._run(f"ALTER TABLE united RENAME TO {table}")
        own = self._assembly.tables[table]
        self._assembly.tables[table] = (*old, *(name for name in own if name not in old))

    def _is_old(self, table: str) -> bool:
        ((count,),) = self._run(
            f"SELECT count(*) FROM duckdb_tables() WHERE schema_name = {literal(OLD)} "
            f"AND table_name = {literal(table)}"
        )
        return bool(count)

    def _kinds(self, schema: str, table: str) -> dict[str, str]:
        return columns_of(self._connection, f"SELECT * FROM {schema}.{table}")

    def _count(self, rows: str) -> int:
        ((count,),) = self._run(f"SELECT count(*) FROM {rows}")
        return int(count)

    def _run(self, sql: str) -> list[tuple[Any, ...]]:
        return run(self._connection, sql)


def _is_written_otherwise(kinds: Set[str]) -> str:
    """Tells whether a value is the one before in another spelling: texts are kept as they stand."""
    read = "BOOLEAN" if "BOOLEAN" in kinds else "DOUBLE" if any(map(is_number, kinds)) else None
    if read is None or len(kinds) == 1:
        return "false"
    return f"coalesce(TRY_CAST(value AS {read}) = TRY_CAST(before AS {read}), false)"
