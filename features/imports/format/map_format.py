"""The format of a map: which tables of a source give which tables of a history, and by which columns.

docs/import.md explains it on one example.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Annotated, Any, Final, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator

from features.imports.format.map_blocks import (
    AttributeChanges,
    Block,
    Interactions,
    LeadAliases,
    Leads,
    Outcomes,
)
from features.imports.format.map_values import Attribute
from features.imports.format.values import MapPart, known_zone


class TableFile(MapPart):
    """Where a table of the source is, if its file or sheet does not have its name.

    Attributes:
        file: name or pattern of its files in the folder, such as `Leads_*.csv`; several are read as one.
        sheet: name of the sheet of a workbook.
        table: name in the database.
        encoding: of a file that is not in Unicode, such as `cp1252` of Windows.
        header_line: number of the line of the header of a CSV file that begins with lines that are no rows.
        columns: names of the columns of CSV files without a header, in their order; a header holds over them.
        footer_lines: number of lines at the end of a CSV file that are no rows, as those of a report.
        optional: whether it may be absent: it then counts as a table without rows.
        optional_columns: columns of it that may be absent: their cells are then empty, in expressions, too.
    """

    file: str | None = None
    sheet: str | None = None
    table: str | None = None
    encoding: str | None = None
    header_line: int = Field(1, ge=1)
    columns: tuple[str, ...] = ()
    footer_lines: int = Field(0, ge=0)
    optional: bool = False
    optional_columns: tuple[str, ...] = ()

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, encoding: str | None) -> str | None:
        try:
            return None if encoding is None else codecs.lookup(encoding).name
        except LookupError:
            raise ValueError(f"{encoding} is no encoding: write a name such as cp1252") from None

    @model_validator(mode="after")
    def _has_columns_of_what_is_absent(self) -> Self:
        if self.optional and not self.optional_columns:
            raise ValueError("an optional table lists its columns in optional_columns")
        return self


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, dict) else value


class ImportMap(MapPart):
    """A whole map.

    Attributes:
        description: what it reads, in a sentence.
        zone: zone of times that carry none and whose value names no zone; such times are refused without.
        exported_at: when the source was exported, with its zone; the moment of the import unless given.
        missing: further spellings of a missing cell, such as `Select`.
        schema_: schema of the database.
        tables: places of tables, by the names that the blocks use.
        leads: one block or several; of rows with the same id that of the first block counts.
        interactions: any number of blocks.
        outcomes: any number of blocks.
        attribute_changes: any number of blocks.
        lead_aliases: any number of blocks.
    """

    description: str = ""
    zone: str | None = None
    exported_at: datetime | None = None
    missing: tuple[str, ...] = ()
    schema_: str | None = Field(None, alias="schema")
    tables: Mapping[str, TableFile] = {}
    leads: Annotated[tuple[Leads, ...], BeforeValidator(_as_list), Field(min_length=1)]
    interactions: Annotated[tuple[Interactions, ...], BeforeValidator(_as_list)] = ()
    outcomes: Annotated[tuple[Outcomes, ...], BeforeValidator(_as_list)] = ()
    attribute_changes: Annotated[tuple[AttributeChanges, ...], BeforeValidator(_as_list)] = ()
    lead_aliases: Annotated[tuple[LeadAliases, ...], BeforeValidator(_as_list)] = ()

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, zone: str | None) -> str | None:
        return None if zone is None else known_zone(zone)

    @field_validator("exported_at")
    @classmethod
    def _has_zone(cls, moment: datetime | None) -> datetime | None:
        if moment is not None and moment.tzinfo is None:
            raise ValueError("it carries no zone: write it like 2026-05-01T12:00:00Z")
        return moment

    @model_validator(mode="after")
    def _ids_differ(self) -> Self:
        """Two blocks of one table would count an interaction with two kinds as sent twice."""
        seen: set[str] = set()
        for block in self.interactions:
            if block.source is None and block.interaction_id is not None:
                if block.from_ in seen:
                    raise ValueError(
                        f"two blocks of interactions take ids from {block.from_}: give one a source of its "
                        f'own, such as source = {{constant = "{block.from_}_2"}}'
                    )
                seen.add(block.from_)
        return self

    @model_validator(mode="after")
    def _changes_are_there(self) -> Self:
        attributes = [named for block in self.leads for named in block.attributes.items()]
        for name, attribute in attributes:
            if attribute.known == "changes" and not self.attribute_changes:
                raise ValueError(f'{name} is known = "changes", and the map has no attribute_changes')
            if any(other.known != attribute.known for own, other in attributes if own == name):
                raise ValueError(f"{name} is known in two ways")
        return self

    def attributes(self) -> dict[str, Attribute]:
        """Gives the attributes of all blocks; of those with one name that of the first block."""
        return {
            name: attribute for block in reversed(self.leads) for name, attribute in block.attributes.items()
        }

    def blocks(self) -> Iterator[tuple[str, str, Block]]:
        """Gives the table of each block, its name for people, and the block."""
        for table in TABLES:
            blocks: tuple[Block, ...] = getattr(self, table)
            for number, block in enumerate(blocks, 1):
                yield table, table if len(blocks) == 1 else f"{table} {number}", block


# Tables of a history that a map can fill.
TABLES: Final[tuple[str, ...]] = ("leads", "interactions", "outcomes", "attribute_changes", "lead_aliases")
