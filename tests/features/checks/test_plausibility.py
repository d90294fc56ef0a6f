"""Every code of the data gate in a world where it must fire, and in one that only just must not."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from features.findings.codes import CODES
from features.findings.gate_codes import ACCEPTABLE, GATE_CODES
from features.findings.problems import Problem
from tests.support.builders import at as moment
from tests.support.builders import check, lead, link, touch
from tests.support.gate_worlds import DAYS, World, by_day, honest_world
from tests.training.data_checks.test_data_gate import NEAR_FEATURES, TELLING_FEATURES

Change = Callable[[World], World]


def rng() -> np.random.Generator:
    return np.random.default_rng(5)


def found(world: World) -> list[Problem]:
    """What the gate finds, but not that attributes came without changes, and leads with links."""
    _, problems = check(world.tables(), with_plausibility=True, now=moment(DAYS + 5))
    return [problem for problem in problems if problem.code not in ("D037", "D104")]


def conversions(world: World, *, hours: float, share: float = 1.0) -> Iterator[tuple[str, float]]:
    """So many hours after the conversion, for a share of the converted leads."""
    draws = rng()
    for lead_id, at in world.ends("converted").items():
        if draws.random() < share:
            yield lead_id, at + hours / 24


def losses(world: World, *, hours: float, count: int) -> Iterator[tuple[str, float]]:
    """So many hours after the loss, for some of the lost leads."""
    yield from ((lead_id, at + hours / 24) for lead_id, at in [*world.ends("lost").items()][:count])


def fewer(leads_count: int) -> Change:
    return lambda _: honest_world(leads_count=leads_count)


def thinned_conversions(kept: float, *, before: float = 100.0) -> Change:
    """Leads created before a day convert more seldom."""

    def change(world: World) -> World:
        draws, created = rng(), {row["lead_id"]: row["created_at"] for row in world.leads}
        return world.keep(
            "outcomes", lambda row: created[row["lead_id"]] >= before or bool(draws.random() < kept)
        )

    return change


def doubled(count: int, *, other_minutes: float = 0.0) -> Change:
    """Some leads come under a second id, with the same interactions or with moved ones."""

    def change(world: World) -> World:
        copied = {row["lead_id"] for row in world.leads[100 : 100 + count]}
        world.leads += [
            row | {"lead_id": "b-" + row["lead_id"]} for row in world.leads if row["lead_id"] in copied
        ]
        world.interactions += [
            row | {"lead_id": "b-" + row["lead_id"], "occurred_at": row["occurred_at"] + other_minutes / 1440}
            for row in world.interactions
            if row["lead_id"] in copied
        ]
        return world

    return change


def mailing(world: World) -> World:
    """Forty leads of one list, all alike, who were only ever sent the same mails."""
    ids = [f"list-{number}" for number in range(40)]
    world.leads += [lead(lead_id, 50.4, country="de") for lead_id in ids]
    return world.add("email_sent", ((lead_id, at) for lead_id in ids for at in (51.4, 58.4, 65.4)))


def without(kind: str, *, after: float) -> Change:
    return lambda world: world.keep(
        "interactions", lambda row: row["kind"] != kind or row["occurred_at"] < after
    )


def fairs(world: World) -> World:
    """A fair every four weeks, the last one 25 days ago."""
    draws = rng()
    return world.add(
        "fair_visited",
        (
            (world.leads[int(day / DAYS * 900)]["lead_id"], by_day(draws, day))
            for day in (45, 73, 101, 129, 157, 185)
            for _ in range(60)
        ),
    )


def ending(days: float, *, kept: float = 0.0) -> Change:
    """Interactions of the last days are missing."""
    draws = rng()
    return lambda world: world.keep(
        "interactions", lambda row: row["occurred_at"] < DAYS - days or bool(draws.random() < kept)
    )


def shifted(hours: float, *, kinds: tuple[str, ...]) -> Change:
    return lambda world: world.move(
        "interactions",
        "occurred_at",
        lambda row: row["occurred_at"] + (hours / 24 if row["kind"] in kinds else 0),
    )


def all_shifted(world: World) -> World:
    for table, column in (
        ("leads", "created_at"),
        ("interactions", "occurred_at"),
        ("outcomes", "occurred_at"),
    ):
        world.move(table, column, lambda row, column=column: row[column] + 11 / 24)  # type: ignore[misc]
    return world


def nightly(world: World) -> World:
    """A job that rates every lead at half past two, for some nights."""
    return world.add(
        "rated", ((row["lead_id"], int(row["created_at"]) + 1 + 2.5 / 24) for row in world.leads)
    )


def imported(count: int) -> Change:
    def change(world: World) -> World:
        world.leads += [lead(f"new-{number}", 100.4 + number / 1e5, country="fr") for number in range(count)]
        return world

    return change


def filled(column: str, *, converted: float, others: float) -> Change:
    """A column that is filled for a share of the converted leads and of the others."""
    draws = rng()
    return lambda world: world.fill(
        column, lambda _, won: 5.0 if draws.random() < (converted if won else others) else None
    )


def filled_by_age(*, young: float, older: float, since: float = 0.0) -> Change:
    """A column that is filled less often for the leads of the last week."""
    draws = rng()

    def value(row: dict[str, float], _: bool) -> float | None:
        share = young if row["created_at"] > DAYS - 7.5 else older
        return 5.0 if row["created_at"] >= since and draws.random() < share else None

    return lambda world: world.fill("budget", value)


def reason_of_loss(world: World) -> World:
    lost = world.ends("lost")
    return world.fill("reason", lambda row, _: "price" if row["lead_id"] in lost else None)


def job_seekers(world: World) -> World:
    """Three in ten ask for a job and never buy: honest, known at creation."""
    draws = rng()
    return world.fill("asks_for", lambda _, won: "job" if not won and draws.random() < 0.5 else "offer")


def address_of_its_own(world: World) -> World:
    """Every lead has a value of its own: those of the converted leads tell nothing of others."""
    return world.fill("company", lambda row, _: f"{row['lead_id']}@example.com")


def random_company(world: World) -> World:
    """Companies of one to three leads; by chance all leads of some have converted."""
    draws = rng()
    return world.fill("company", lambda *_: f"company {draws.integers(700)}")


def status_of_stages(world: World, *, column: str = "status") -> World:
    """Stages that only converted leads have; the most frequent comes last in the alphabet."""
    draws = rng()
    stages = ["invoice paid", "member", "zz customer"]

    def value(_: object, won: bool) -> str:
        return str(draws.choice(stages, p=[0.1, 0.2, 0.7])) if won else "contact"

    return world.fill(column, value)


def old_form(world: World) -> World:
    """A question that was asked for the first two months only: who answered has long been closed."""
    return world.fill("hobby", lambda row, _: "chess" if row["created_at"] < 60 else None)


def with_interaction(when: float) -> Change:
    def change(world: World) -> World:
        world.interactions.append(touch("lead-0500", "call_outbound", when))
        return world

    return change


def linked(when: float) -> Change:
    def change(world: World) -> World:
        world.aliases = [link("lead-0500", "lead-0501", when)]
        return world

    return change


def with_leads(count: int, when: float) -> Change:
    def change(world: World) -> World:
        world.leads += [lead(f"odd-{number}", when, country="fr") for number in range(count)]
        return world

    return change


def moved(table: str, column: str, days: float) -> Change:
    """The first row of a table lies elsewhere."""

    def change(world: World) -> World:
        getattr(world, table)[0][column] += days
        return world

    return change


def with_amounts(*odd: float) -> Change:
    """Conversions have amounts around 1,000; the first ones these."""

    def change(world: World) -> World:
        amounts = iter([*odd, *np.exp(rng().normal(7, 1, 1000)).tolist()])
        for row in world.outcomes:
            row["amount"] = next(amounts) if row["outcome"] == "converted" else None
        return world

    return change


def bulk(count: int) -> Change:
    """Many losses get one minute."""

    def change(world: World) -> World:
        rows = [row for row in world.outcomes if row["outcome"] == "lost"]
        for row in rows[-count:]:
            row["occurred_at"] = max(row["occurred_at"], 200.4)
        return world

    return change


def joined(count: int) -> Change:
    """The first leads have one account."""

    def change(world: World) -> World:
        for row in world.leads[:count]:
            row["account_id"] = "unknown"
        return world

    return change


FIRES: dict[str, dict[str, Change]] = {
    "D039": {"": fewer(300)},
    "D040": {"": thinned_conversions(0.2)},
    "D041": {"": doubled(20)},
    "D042": {
        "": without("call_outbound", after=170),
        "but one": lambda world: with_interaction(208.5)(without("call_outbound", after=170)(world)),
    },
    "D043": {
        "ends": ending(20),
        "ends but one": lambda world: with_interaction(208.5)(ending(20)(world)),
        "thins": ending(14, kept=0.05),
    },
    "D044": {"": shifted(11, kinds=("call_outbound",))},
    "D045": {
        "": lambda world: world.move("outcomes", "occurred_at", lambda row: int(row["occurred_at"]) + 1.0)
    },
    "D046": {"": imported(140)},
    "D047": {
        "after": lambda world: world.add("welcome", conversions(world, hours=1)),
        "before": lambda world: world.add("order_form", conversions(world, hours=-2, share=0.3)),
    },
    "D048": {"": filled("budget", converted=0.9, others=0.4)},
    "D049": {"": filled_by_age(young=0.1, older=0.7)},
    "D056": {"": lambda world: world.add("contract_signed", conversions(world, hours=-3))},
    "D057": {
        "lost": reason_of_loss,
        "converted": filled("customer_number", converted=0.9, others=0.0),
        "status": lambda world: world.fill("status", lambda _, won: "customer" if won else "contact"),
        "flag": lambda world: world.fill("active", lambda _, won: won),
        "stages": status_of_stages,
    },
    "D059": {"": with_leads(120, DAYS + 50)},
    "D080": {
        "meeting": with_interaction(20_000),
        "planned": with_interaction(DAYS + 60),
        "never": with_interaction(2_912_000),
        "lead": with_leads(1, 20_000),
        "outcome": moved("outcomes", "occurred_at", 20_000),
        "link": linked(20_000),
    },
    "D081": {"lead": with_leads(1, -46_000), "unix": with_leads(2, -20_454)},
    "D082": {"typo": with_amounts(1e12), "cents": with_amounts(5e6)},
    "D083": {"": with_amounts(-5.0)},
    "D084": {"": bulk(150)},
    "D085": {"": joined(200)},
}
NEARLY: dict[str, dict[str, Change]] = {
    "D039": {"": fewer(700)},
    "D040": {"": thinned_conversions(0.6)},
    "D041": {"moved": doubled(20, other_minutes=3), "few": doubled(6), "mailing": mailing},
    "D042": {"fairs": fairs, "a week": without("call_outbound", after=DAYS - 6)},
    "D043": {"": ending(9), "thinner": ending(14, kept=0.5)},
    "D044": {"all": all_shifted, "job": nightly, "evening": shifted(5, kinds=("call_outbound",))},
    "D045": {
        "": lambda world: world.add(
            "webinar", ((row["lead_id"], int(row["created_at"]) + 14 / 24 + 1) for row in world.leads[:800])
        ),
    },
    "D046": {"": imported(100)},
    "D047": {
        "": lambda world: world.add("survey", conversions(world, hours=1)).add(
            "survey", losses(world, hours=-3, count=60)
        ),
    },
    "D048": {"": filled("budget", converted=0.6, others=0.4)},
    "D049": {
        "less": filled_by_age(young=0.6, older=0.7),
        "new": filled_by_age(young=0.1, older=0.7, since=150),
    },
    "D056": {
        "not all": lambda world: world.add("offer_sent", conversions(world, hours=-3)).add(
            "offer_sent", losses(world, hours=-3, count=60)
        ),
        "earlier": lambda world: world.add("offer_sent", conversions(world, hours=-80)),
    },
    "D057": {
        "job seekers": job_seekers,
        "old form": old_form,
        "not half": filled("customer_number", converted=0.4, others=0.0),
        "address": address_of_its_own,
        "company": random_company,
    },
    "D059": {"": with_leads(100, DAYS + 50)},
    "D080": {"": with_interaction(DAYS + 4.9)},
    "D081": {"": with_leads(1, -6)},
    "D082": {"": with_amounts()},
    "D083": {"": with_amounts(0.0)},
    "D084": {"": bulk(40)},
    "D085": {"": joined(199)},
}


def cases(worlds: dict[str, dict[str, Change]]) -> list[tuple[str, str]]:
    return [(code, name) for code, changes in worlds.items() for name in changes]


def test_check_plausibility__finds_nothing_in_an_honest_world() -> None:
    assert found(honest_world()) == []


@pytest.mark.parametrize(("code", "name"), cases(FIRES))
def test_check_plausibility__finds(code: str, name: str) -> None:
    problems = found(FIRES[code][name](honest_world()))

    assert {problem.code for problem in problems} == {code}
    assert all("{" not in problem.sentence for problem in problems)


@pytest.mark.parametrize(("code", "name"), cases(NEARLY))
def test_check_plausibility__is_silent_where_it_is_only_nearly_so(code: str, name: str) -> None:
    assert code not in {problem.code for problem in found(NEARLY[code][name](honest_world()))}


def test_check_plausibility__names_the_values_that_most_converted_leads_have_with_their_shares() -> None:
    world = status_of_stages(honest_world())

    (problem,) = found(world)

    converted = world.ends("converted")
    stages = [row["status"] for row in world.leads if row["lead_id"] in converted]
    shares = {stage: f"{100 * stages.count(stage) / len(stages):.0f} %" for stage in stages}
    assert problem.sentence == (
        f"leads.status is zz customer ({shares['zz customer']}) or member ({shares['member']}) or invoice "
        f"paid ({shares['invoice paid']}) for 100 % of the leads that converted, and hardly ever else."
    )


@pytest.mark.parametrize("column", ["email", "Phone", "company_name", "contactEmail"])
def test_check_plausibility__shows_no_value_of_a_column_that_names_people(column: str) -> None:
    (problem,) = found(status_of_stages(honest_world(), column=column))

    assert problem.code == "D057"
    assert f"leads.{column} is one of 3 values for 100 % of the leads" in problem.sentence


def test_check_plausibility__counts_values_of_few_leads_and_does_not_name_them() -> None:
    world = honest_world()
    draws = rng()

    def value(_: object, won: bool) -> str:
        return f"Mill {draws.integers(40)}" if won else "contact"

    (problem,) = found(world.fill("status", value))

    assert problem.code == "D057"
    assert re.search(r"leads\.status is one of \d\d values for", problem.sentence)


def test_check_plausibility__is_not_asked_where_leads_are_scored() -> None:
    _, problems = check(honest_world(leads_count=300).tables())

    assert {problem.code for problem in problems} == {"D037"}


def test_codes__each_of_the_gate_fires_in_one_world_and_not_in_another() -> None:
    assert {*FIRES, *TELLING_FEATURES} == {*GATE_CODES}
    assert {*NEARLY, *NEAR_FEATURES} == {*GATE_CODES}
    assert all(GATE_CODES[code].stops == "training" for code in ACCEPTABLE)


def test_codes__each_is_in_a_test() -> None:
    texts = [path.read_text(encoding="utf-8") for path in Path(__file__).parents[2].rglob("test_*.py")]
    named = {code for text in texts for code in re.findall(r"\bD\d{3}\b", text)}

    assert {*CODES} - named == set()
