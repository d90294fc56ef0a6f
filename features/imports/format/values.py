"""Values of a map: where a cell comes from, and how its text is read.

`PlainValue` is the part without SQL, which a server uses too: this module loads neither DuckDB nor Arrow.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Final
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BaseModel, ConfigDict, field_validator, model_validator

# Formats of times that are names; any other one is a pattern of strptime, which has a %.
DATE_FORMAT: Final = "date"
# Days since the end of 1899, as spreadsheets count them; their whole numbers are dates.
EXCEL_FORMAT: Final = "excel"
EPOCH_FORMATS: Final[Mapping[str, int]] = {"epoch_s": 1_000_000, "epoch_ms": 1_000, "epoch_us": 1}

Constant = str | bool | int | float


class MapPart(BaseModel):
    """Any part of a map: frozen, and without keys that are not declared."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_min_length=1)


class PlainValue(MapPart):
    """Where the cells of one column come from, without SQL.

    Attributes:
        column: name of a column or, in the body of a hook, of a field, exactly as it is written there.
        path: names and numbers from 0 that lead into the JSON or the struct of the column, with dots between.
        constant: the same for every row.
        values: look-up, from the text of a cell to the value that it means.
        default: what a text means that `values` does not list.
        format: of times: ISO 8601 unless given; `date`, `epoch_s`, `epoch_ms`, `epoch_us`, `excel`,
            or patterns of strptime that are tried in their order.
        zone: of times that carry none, such as Europe/Lisbon.
    """

    column: str | None = None
    path: str | None = None
    constant: Constant | None = None
    values: Mapping[str, str] | None = None
    default: str | None = None
    format: tuple[str, ...] = ()
    zone: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _text_is_column(cls, value: Any) -> Any:
        """A text alone names a column."""
        return {"column": value} if isinstance(value, str) else value

    @field_validator("format", mode="before")
    @classmethod
    def _as_tuple(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @field_validator("format")
    @classmethod
    def _known_formats(cls, formats: tuple[str, ...]) -> tuple[str, ...]:
        for text in formats:
            if "%" not in text and text not in (DATE_FORMAT, EXCEL_FORMAT, *EPOCH_FORMATS):
                names = ", ".join([DATE_FORMAT, *EPOCH_FORMATS, EXCEL_FORMAT])
                raise ValueError(f"{text} is no format: write {names}, or a pattern such as %d/%m/%Y %H:%M")
        if len(formats) > 1 and not all("%" in text for text in formats):
            raise ValueError("several formats have to be patterns such as %d/%m/%Y")
        return formats

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, zone: str | None) -> str | None:
        return None if zone is None else known_zone(zone)

    @model_validator(mode="after")
    def _has_one_origin(self) -> PlainValue:
        given = [name for name in self.origins() if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"give exactly one of {', '.join(self.origins())}")
        if self.path is not None and self.column is None:
            raise ValueError("a path needs its column")
        if self.default is not None and self.values is None:
            raise ValueError("a default needs values")
        return self

    @classmethod
    def origins(cls) -> tuple[str, ...]:
        """Names of the keys of which exactly one is given."""
        return ("column", "constant")

    @property
    def steps(self) -> tuple[str | int, ...]:
        """The path as names and numbers.

        >>> PlainValue(column="properties", path="page.tags.0").steps
        ('page', 'tags', 0)
        """
        steps = () if self.path is None else self.path.split(".")
        return tuple(int(step) if step.isdecimal() else step for step in steps)


@cache
def _zones() -> set[str]:
    """Lists the zones, for which files are looked through."""
    return available_timezones()


def known_zone(zone: str) -> str:
    """Checks the name of a zone.

    Raises:
        ValueError: there is no such zone.
    """
    if zone not in _zones():
        raise ValueError(f"{zone} is no zone: write a name such as UTC or Europe/Lisbon")
    return ZoneInfo(zone).key
