"""What is read of a lead and its account: from the same moment as from tables, and as it was before."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from features.catalog.spec import FeatureSet
from features.catalog.wording import declare
from features.engine.engine import compute_features
from features.engine.matrix import Examples
from features.engine.plan import compile_plan
from features.history.lead_history import Floats, LeadHistory
from features.history.settings import HistorySettings
from features.inputs.interaction_inputs import InteractionInputs
from features.inputs.lead_inputs import LeadInput, history_of_leads
from features.sources.service_tables import INTERACTIONS, LEAD_ALIASES, LEADS, METADATA
from features.times import format_time
from serving.bodies.intake_items import LeadBody
from serving.bodies.score_bodies import check_body
from serving.database.engine import open_store_engine, writing
from serving.database.schema import STORE, VERSION
from serving.database.statements import CompiledStatement
from serving.errors import LeadUnknownError
from serving.intake.leads import with_their_accounts
from serving.store.account_rows import AccountBound, read_account
from serving.store.evidence import read_evidence, read_lead
from serving.store.records import Evidence
from serving.store.store import Store
from tests.support.builders import Row, at, bytes_of, history, lead, link, touch
from tests.support.stores import HandClock, open_store

LEAD_IDS = ("a", "b", "c")
DAYS = st.integers(0, 4)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sa.Engine]:
    engine = open_store_engine(f"sqlite:///{tmp_path_factory.mktemp('evidence')}/store.db")
    METADATA.create_all(engine)
    yield engine
    engine.dispose()


@pytest.mark.parametrize(
    ("available_at", "expected"),
    [(4, 5), (5, 5), (6, 6)],
    ids=["before the creation of its lead", "at its creation", "after it"],
)
def test_read_evidence__knows_no_row_of_an_account_before_its_lead_is_created(
    engine: sa.Engine, available_at: float, expected: float
) -> None:
    created = [lead("a", 0, account_id="A"), lead("b", 5, account_id="A")]
    touches = [touch("b", "chat", 1, available_at=available_at)]

    evidence = _evidence_of(engine, created, touches)

    assert evidence.account_interactions is not None
    assert list(evidence.account_interactions.available_at) == [at(expected)]


@settings(deadline=None, max_examples=60)
@given(
    created=st.lists(DAYS, min_size=3, max_size=3),
    touches=st.lists(st.tuples(st.sampled_from(LEAD_IDS), DAYS, DAYS), max_size=8),
)
def test_read_evidence__gives_an_account_the_rows_that_tables_give(
    engine: sa.Engine, created: list[int], touches: list[tuple[str, int, int]]
) -> None:
    leads = [lead(lead_id, day, account_id="A") for lead_id, day in zip(LEAD_IDS, created, strict=True)]
    rows = [
        touch(lead_id, "chat", day, available_at=day + delay, value=float(number))
        for number, (lead_id, day, delay) in enumerate(touches)
    ]

    evidence = _evidence_of(engine, leads, rows)

    stored = LeadInput("a", at(created[0]), "A", {}, evidence.interactions, evidence.account_interactions)
    one = history_of_leads([stored], observed_until=at(9)).account_interactions
    whole = history(leads, rows).account_interactions
    assert one is not None
    assert whole is not None
    assert bytes_of(one) == bytes_of(whole)


@settings(deadline=None, max_examples=60)
@given(
    created=st.lists(DAYS, min_size=3, max_size=3),
    touches=st.lists(st.tuples(st.sampled_from(LEAD_IDS), DAYS, DAYS), max_size=8),
    moment=st.integers(4, 9),
)
def test_read_evidence__an_account_beyond_the_limit_lacks_the_features_that_it_lacks_in_tables(
    engine: sa.Engine, created: list[int], touches: list[tuple[str, int, int]], moment: int
) -> None:
    leads = [lead(lead_id, day, account_id="A") for lead_id, day in zip(LEAD_IDS, created, strict=True)]
    rows = [touch(lead_id, "chat", day, available_at=day + delay) for lead_id, day, delay in touches]
    plan = compile_plan(FeatureSet((declare("count", scope="account", account_limit=3),)))

    def values(read: LeadHistory, day: int) -> Floats:
        return compute_features(plan, read, Examples(np.zeros(1, np.int64), np.array([at(day)]))).values

    for days in ([moment], range(created[0], moment + 1)):
        bound = {"account_limit": 3, "as_of": at(moment), "with_past": len(days) > 1}
        evidence = _evidence_of(engine, leads, rows, **bound)
        of_account = evidence.account_interactions
        assert of_account is not None
        assert len(of_account.kind) <= 4
        stored = LeadInput("a", at(created[0]), "A", {}, evidence.interactions, of_account)
        one = history_of_leads([stored], observed_until=at(9))
        whole = history(leads, rows)
        assert [values(one, day).tobytes() for day in days] == [values(whole, day).tobytes() for day in days]


LINKS = st.lists(st.tuples(st.sampled_from(("v", "w", "b", "c")), st.sampled_from("abc"), DAYS), max_size=3)


@settings(deadline=None, max_examples=80)
@given(
    created=st.lists(DAYS, min_size=3, max_size=3),
    touches=st.lists(st.tuples(st.sampled_from((*LEAD_IDS, "v", "w")), DAYS, DAYS), max_size=9),
    links=LINKS.map(
        lambda rows: [*{alias: (alias, of, day) for alias, of, day in rows if alias > of}.values()]
    ),
    moment=st.integers(4, 9),
)
def test_read_evidence__bounds_an_account_with_aliases_as_one_without(
    engine: sa.Engine,
    created: list[int],
    touches: list[tuple[str, int, int]],
    links: list[tuple[str, str, int]],
    moment: int,
) -> None:
    leads = [lead(lead_id, day, account_id="A") for lead_id, day in zip(LEAD_IDS, created, strict=True)]
    rows = [touch(lead_id, "chat", day, available_at=day + delay) for lead_id, day, delay in touches]
    aliases = [link(alias, of, day) for alias, of, day in links]

    whole = _evidence_of(engine, leads, rows, aliases)
    known = {day: _known(whole, day) for day in range(moment + 1)}
    bound: dict[str, Any] = {"account_limit": 3, "as_of": at(moment)}
    now = _evidence_of(engine, leads, rows, aliases, **bound)
    life = _evidence_of(engine, leads, rows, aliases, with_past=True, **bound)

    for day, read in [(moment, now), *((day, life) for day in known)]:
        found = _known(read, day)
        assert len(found) <= 4
        assert found == known[day] or min(len(found), len(known[day])) > 3


def _known(evidence: Evidence, day: int) -> list[tuple[int, int]]:
    rows = evidence.account_interactions
    assert rows is not None
    moments = zip(rows.occurred_at, rows.available_at, strict=True)
    return sorted((occurred, known) for occurred, known in moments if known is not None and known <= at(day))


@pytest.mark.parametrize("has_past", [False, True])
@pytest.mark.parametrize("has_aliases", [False, True])
@pytest.mark.parametrize("as_of", [2, 9])
def test_read_account__reads_few_rows_of_a_large_one(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch, as_of: float, has_aliases: bool, has_past: bool
) -> None:
    # Two rows are known on day 2, and 3,000 later.
    aliases = [f"v{number}" for number in range(20)] if has_aliases else []
    owners = ["a", "b", *aliases]
    touches = [touch("b", "chat", day) for day in (1, 2)]
    touches += [touch(owners[number % len(owners)], "chat", 4 + number / 1000) for number in range(3_000)]
    leads = [lead("a", 0, account_id="A"), lead("b", 0, account_id="A")]
    _evidence_of(engine, leads, touches, [link(alias, "b", 3) for alias in aliases])
    bound = AccountBound(10, at(as_of), has_past, HistorySettings())
    counted = _Counted(monkeypatch)

    with engine.connect() as connection:
        counted.watch(connection)
        read = read_account(connection, "A", has_aliases, None, bound, {})

    assert len(read.kind) == (2 if as_of == 2 else 11)
    # Eleven rows, eleven more where these do not tell, and the links.
    assert counted.rows <= 22 + 4 * len(aliases) + (11 * len(owners) if has_aliases and has_past else 0)
    # What is known first has to be looked for; what was known on day 2 has not.
    assert counted.steps < 12_000 or (as_of == 9 and has_past)


class _Counted:
    """Counts the rows that statements return, those in lists of JSON among them, and the steps of SQLite."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.rows = self.steps = 0
        read = CompiledStatement.rows

        def rows(statement: CompiledStatement, *given: Any) -> Any:
            found = read(statement, *given)
            for row in found:
                lists = [json.loads(cell) for cell in row if str(cell).startswith("[[")]
                self.rows += max([1, *(len(of[0]) for of in lists)])
            return found

        monkeypatch.setattr(CompiledStatement, "rows", rows)

    def watch(self, connection: sa.Connection) -> None:
        driver: Any = connection.connection.dbapi_connection

        def count() -> None:
            self.steps += 100

        driver.set_progress_handler(count, 100)


def _evidence_of(
    engine: sa.Engine, leads: list[Row], touches: list[Row], aliases: Sequence[Row] = (), **bound: Any
) -> Evidence:
    """Stores these rows only, and reads what the score of lead a depends on."""
    instants = ("created_at", "occurred_at", "available_at")
    rows = {
        LEADS: leads,
        LEAD_ALIASES: [{**row, "sequence": 1} for row in aliases],
        INTERACTIONS: [
            {
                "available_at": row["occurred_at"],
                **row,
                "source": "test",
                "interaction_id": str(number),
                "content": b"",
                "sequence": 1,
            }
            for number, row in enumerate(touches)
        ],
        STORE: [{"version": VERSION, "secret_check": b"", "sequence": 1, "rescored": 0}],
    }
    with writing(engine).begin() as connection:
        for table, stored in rows.items():
            connection.execute(table.delete())
            values = [
                {name: at(cell) if name in instants else cell for name, cell in row.items()} for row in stored
            ]
            if values:
                connection.execute(table.insert(), values)
    with engine.connect() as connection:
        return read_evidence(connection, "a", with_account=True, settings=HistorySettings(), **bound)


@pytest.fixture
def store(database: str, clock: HandClock) -> Iterator[Store]:
    store = open_store(database, clock=clock)
    yield store
    store.close()


def put(store: Store, lead_id: str, created: float, account_id: str | None = "A") -> None:
    document = {"created_at": format_time(at(created)), "account_id": account_id}
    store.put_lead(lead_id, check_body(LeadBody, document)).result()


def meet(store: Store, lead_id: str, when: float) -> None:
    interaction = {"interaction_id": f"{lead_id}-{when}", "lead_id": lead_id, "kind": "meeting_held"}
    store.add_interactions("crm", [{**interaction, "occurred_at": format_time(at(when))}]).result()


def evidence_of(
    store: Store, lead_id: str, *, with_account: bool = True, sequence: int | None = None
) -> Evidence:
    read = partial(read_evidence, with_account=with_account, settings=HistorySettings(), sequence=sequence)
    return store.read(lambda connection: read(connection, lead_id))


def test_read_evidence__as_it_was_after_an_earlier_transaction(store: Store) -> None:
    put(store, "a", 1)
    put(store, "b", 1)
    meet(store, "b", 2)
    sequence = store.read(partial(read_lead, lead_id="a")).sequence
    meet(store, "b", 3)
    put(store, "b", 1, account_id=None)

    then = evidence_of(store, "a", sequence=sequence)
    now = evidence_of(store, "a")

    assert then.account_interactions is not None
    assert then.account_interactions.occurred_at == [at(2)]
    assert now.account_interactions is not None
    assert now.account_interactions.occurred_at == []


def test_read_evidence__without_an_account_or_where_it_is_not_needed(store: Store) -> None:
    put(store, "a", 1, account_id=None)
    put(store, "b", 1)

    alone = evidence_of(store, "a")
    not_needed = evidence_of(store, "b", with_account=False)

    assert (alone.account_interactions, not_needed.account_interactions) == (None, None)


def test_read_lead__refuses_a_lead_that_is_not_stored(store: Store) -> None:
    with pytest.raises(LeadUnknownError, match="There is no such lead"):
        store.read(partial(read_lead, lead_id="a"))


def test_read_evidence__reads_an_account_once_in_a_pass(store: Store) -> None:
    for lead_id in ("a", "b"):
        put(store, lead_id, 1)
        meet(store, lead_id, 2)
    accounts: dict[str, InteractionInputs] = {}
    read = partial(read_evidence, with_account=True, settings=HistorySettings(), accounts=accounts)

    first, second = (store.read(partial(read, lead_id=lead_id)) for lead_id in ("a", "b"))

    assert first.account_interactions is second.account_interactions is accounts["A"]
    assert first.account_interactions == evidence_of(store, "a").account_interactions


def test_with_their_accounts__leaves_out_the_others_of_a_huge_account(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for lead_id, account_id in (("a", "A"), ("b", "A"), ("c", "C"), ("d", "C"), ("e", "C")):
        put(store, lead_id, 1, account_id)
    monkeypatch.setattr("serving.intake.leads.MOST_OTHERS", 2)

    found = store.read(partial(with_their_accounts, lead_ids=["a", "c"]))

    assert found == ["a", "b", "c"]
