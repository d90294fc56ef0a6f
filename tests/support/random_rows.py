"""Random rows of a history on a coarse grid of days, so that ties and late knowledge are frequent."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Final

import pyarrow as pa
from hypothesis import strategies as st

from features.history.lead_history import AttributeType, LeadHistory
from tests.support.builders import Row, at, change, check, lead, link, table, touch

IDS: Final = ("a", "b", "c", "d", "é")
# Aliases that are never in the table of leads.
VISITORS: Final = ("v", "w")
# `nobody` is never in the table of leads.
IDS_OF_ROWS: Final = (*IDS, *VISITORS, "nobody")
# Given, so that the type of an attribute that only changes name does not depend on which of them are known.
TYPES: Final[dict[str, AttributeType]] = {
    "size": "number",
    "country": "category",
    "is_new": "boolean",
    "late": "category",
}

_COLUMNS: Final = {
    "leads": ("account_id", "size", "country", "is_new"),
    "interactions": ("available_at", "source", "interaction_id", "is_automated"),
    "outcomes": ("available_at", "amount", "outcome_id", "source"),
}

days = st.integers(0, 10)
maybe_days = st.none() | days
# Some seconds after the beginning of a day: a machine opens mails then.
moments = st.builds(lambda day, second: day + second / 86_400, days, st.sampled_from([0, 0, 1, 1.5, 11, 12]))


@dataclass(frozen=True)
class RandomRows:
    """Rows by table."""

    leads: list[Row]
    interactions: list[Row]
    outcomes: list[Row]
    changes: list[Row] | None
    aliases: list[Row] | None = None

    def shuffled(self, order: Random) -> RandomRows:
        """The same rows in another order."""
        tables = (self.leads, self.interactions, self.outcomes, self.changes, self.aliases)
        return RandomRows(*(rows and order.sample(rows, len(rows)) for rows in tables))

    def tables(self) -> dict[str, pa.Table]:
        """Tables whose columns do not depend on the rows: an export has the same columns on every day."""
        rows = {"leads": self.leads, "interactions": self.interactions, "outcomes": self.outcomes}
        if self.changes is not None:
            rows["attribute_changes"] = self.changes
        if self.aliases is not None:
            rows["lead_aliases"] = self.aliases
        return {name: table(name, some, columns=_COLUMNS.get(name, ())) for name, some in rows.items()}

    def history(self, *, observed_until: int) -> LeadHistory:
        """The history they make."""
        made, problems = check(self.tables(), observed_until=at(observed_until), attribute_types=TYPES)
        if made is None:
            raise ValueError("\n".join(map(str, problems)))
        return made


def _leads(draw: st.DrawFn) -> list[Row]:
    ids = draw(st.lists(st.sampled_from(IDS), unique=True, max_size=len(IDS)))
    return [
        lead(
            lead_id,
            draw(days),
            account_id=draw(st.sampled_from([None, "x", "y"])),
            size=draw(st.sampled_from([None, 1.0, 2.5, -0.0, float("inf")])),
            country=draw(st.sampled_from([None, "de", "nl"])),
            is_new=draw(st.sampled_from([None, True, False])),
        )
        for lead_id in ids
    ]


interactions = st.builds(
    touch,
    lead_id=st.sampled_from(IDS_OF_ROWS),
    kind=st.sampled_from(["email_opened", "email_opened", "email_sent", "page_view"]),
    occurred_at=moments,
    available_at=maybe_days,
    direction=st.sampled_from([None, "inbound", "outbound", "sideways"]),
    channel=st.sampled_from([None, "", "web", "phone"]),
    campaign=st.sampled_from([None, "spring"]),
    value=st.sampled_from([None, 0.1, 0.2, -0.0, float("inf")]),
    source=st.sampled_from([None, "crm", "site"]),
    interaction_id=st.sampled_from([None, "1", "2", "3"]),
    is_automated=st.sampled_from([None, None, None, True, False]),
)
outcomes = st.builds(
    dict,
    lead_id=st.sampled_from(IDS_OF_ROWS),
    outcome=st.sampled_from(["converted", "lost", "reopened"]),
    occurred_at=days,
    available_at=maybe_days,
    amount=st.sampled_from([None, 10.0, 20.0]),
    outcome_id=st.sampled_from([None, "", "1", "2"]),
    source=st.sampled_from([None, "crm"]),
)


def changes_of(attribute: str, values: list[object]) -> st.SearchStrategy[Row]:
    """Changes of one attribute."""
    return st.builds(change, st.sampled_from(IDS_OF_ROWS), st.just(attribute), st.sampled_from(values), days)


changes = st.one_of(
    changes_of("size", [None, 1, 7, "many"]),
    changes_of("country", [None, "fr", "nl"]),
    changes_of("late", [None, "soon", "fr"]),
    changes_of("is_new", [None, True, False]),
)


@st.composite
def _aliases(draw: st.DrawFn, least: int = 0) -> list[Row]:
    """Links that go in no circle: each leads to an id of a random order that comes later."""
    ids = draw(st.permutations((*IDS, *VISITORS)))
    drawn = st.tuples(st.integers(0, len(ids) - 1), st.integers(0, len(ids) - 1), days)
    pairs = draw(st.lists(drawn, min_size=least, max_size=6))
    return [link(ids[min(one, two)], ids[max(one, two)], day) for one, two, day in pairs]


@st.composite
def random_rows(draw: st.DrawFn, *, is_linked: bool = False) -> RandomRows:
    """Rows of a few leads, with everything that a real export has wrong and that is only reported."""
    return RandomRows(
        leads=_leads(draw),
        interactions=draw(st.lists(interactions, max_size=12)),
        outcomes=draw(st.lists(outcomes, max_size=5)),
        changes=draw(st.none() | st.lists(changes, max_size=6)),
        aliases=draw(_aliases(least=1) if is_linked else st.none() | _aliases()),
    )


def known_rows(rows: RandomRows, day: int, *, keeps_orphans: bool = False) -> RandomRows:
    """The rows that hold only what is known on a day: what a copy of the company's systems held then.

    Whether it held the known rows of leads that were created later must not matter, `keeps_orphans` decides.
    """
    leads = [row for row in rows.leads if row["created_at"] <= day]
    aliases = [row for row in rows.aliases or () if row["available_at"] <= day]
    linked = {row[name] for row in aliases for name in ("alias_id", "lead_id")}
    ids = {*VISITORS, *linked, *(row["lead_id"] for row in leads)}

    def known(some: list[Row]) -> list[Row]:
        return [row for row in some if (keeps_orphans or row["lead_id"] in ids) and _known_on(row) <= day]

    return RandomRows(
        leads=leads,
        interactions=known(rows.interactions),
        outcomes=known(rows.outcomes),
        changes=None if rows.changes is None else known(rows.changes),
        aliases=None if rows.aliases is None else aliases,
    )


def _known_on(row: Row) -> int:
    moments = [row.get("occurred_at"), row.get("available_at")]
    return max(moment for moment in moments if moment is not None)
