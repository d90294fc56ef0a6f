"""The attributes that people see beside a lead: kept in the store, never features, erased with the lead."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa

from features.history.settings import AttributeSettings, HistorySettings
from features.sources.history_settings import SETTINGS_TABLE, settings_of_rows, settings_rows
from features.sources.service_tables import ATTRIBUTE_CHANGES, Text

_SETTINGS: Final = sa.Table(
    SETTINGS_TABLE,
    sa.MetaData(),
    sa.Column("key", Text, primary_key=True),
    sa.Column("value", Text, nullable=False),
)


def keep_display(connection: sa.Connection, names: Sequence[str]) -> tuple[str, ...]:
    """Notes in the table `history_settings` that attributes are shown only, so that no training reads them.

    Args:
        connection: in a transaction that writes.
        names: of the attributes; none: those that the table says are shown. What it protects stays so.

    Returns:
        Names of the attributes to show, in their order.
    """
    if not names:
        return _settings_of(connection).displayed
    _SETTINGS.create(connection, checkfirst=True)
    protected = _settings_of(connection).protected
    names = tuple(name for name in names if name not in protected)
    said = {name: AttributeSettings(use="display") for name in names}
    rows = settings_rows(HistorySettings(attributes=said))
    connection.execute(sa.delete(_SETTINGS).where(_SETTINGS.c.key.in_([key for key, _ in rows])))
    connection.execute(sa.insert(_SETTINGS), [{"key": key, "value": value} for key, value in rows])
    return names


def display_values(
    connection: sa.Connection, lead_ids: Sequence[str], names: Sequence[str]
) -> dict[str, dict[str, str | None]]:
    """Reads the last values of some attributes of some leads, as texts; None where a lead has none."""
    values: dict[str, dict[str, str | None]] = {lead_id: dict.fromkeys(names) for lead_id in lead_ids}
    if not names:
        return values
    changes = ATTRIBUTE_CHANGES.c
    found = sa.select(changes.lead_id, changes.attribute, changes.value).where(
        changes.lead_id.in_(lead_ids), changes.attribute.in_(names)
    )
    for lead_id, name, value in connection.execute(found.order_by(changes.available_at)):
        values[lead_id][name] = value
    return values


def _settings_of(connection: sa.Connection) -> HistorySettings:
    if not sa.inspect(connection).has_table(SETTINGS_TABLE):
        return HistorySettings()
    rows: list[Any] = list(connection.execute(sa.select(_SETTINGS.c.key, _SETTINGS.c.value)))
    return settings_of_rows(rows)
