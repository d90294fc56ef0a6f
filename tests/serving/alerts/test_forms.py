"""Bodies for hooks: what anybody may write into a name is never markup."""

from __future__ import annotations

import json
from typing import Any

import pytest

from serving.alerts.events import LeadFacts, lead_event, message_event, verdict_event
from serving.alerts.forms import body_of
from serving.alerts.verdicts import Verdict
from serving.scoring.json_rows import JsonObject
from tests.support.builders import at
from tests.support.crm.scores import REASONS

_ROW = {
    "lead_id": "a/1",
    "account_id": None,
    "status": "scored",
    "band": "A",
    "stage": "hot",
    "prospect": True,
    "probability": 0.4321,
    "probability_low": 0.3,
    "probability_high": 0.5,
    "expected_value": None,
    "horizon_days": 30.0,
    "model_version": "7",
    "owner": "Jo & <Co>",
    "territory": "DACH",
    "as_of": at(10),
    "reasons": REASONS,
}


def event(kind: Any = "entered", name: str = "Mia", **fields: Any) -> JsonObject:
    facts = LeadFacts(
        {**_ROW, **fields},
        {"name": name, "company": None},
        "https://leads.example.com/#/lead/a%2F1",
        "https://crm.example.com/a%2F1",
    )
    return lead_event(kind, facts, top="A", now=at(11), waiting_since=at(8) if kind == "waiting" else None)


def body(form: Any, told: JsonObject) -> Any:
    return json.loads(body_of(told, form))


def test_body_of__says_in_words_what_happened_and_why() -> None:
    told = body("json", event())

    assert (told["type"], told["timestamp"]) == ("lead.entered_highest_band", "2026-01-12T00:00:00Z")
    assert told["data"]["title"] == "Mia is in band A now"
    assert told["data"]["text"] == (
        "Chance to convert within 30 days: 43.2 %. Why: + Pricing pages, 7 days: 3; - Age: 40."
    )
    assert told["data"]["reasons"] == json.loads(REASONS)
    assert (told["data"]["owner"], told["data"]["territory"]) == ("Jo & <Co>", "DACH")


@pytest.mark.parametrize(
    ("kind", "fields", "title"),
    [
        ("left", {"band": "C"}, "Mia fell out of band A, to C"),
        ("left", {"band": None}, "Mia fell out of band A"),
        ("waiting", {}, "Mia waits for an answer for 3 days"),
    ],
)
def test_lead_event__has_a_title_for_each_kind(kind: str, fields: dict[str, Any], title: str) -> None:
    told: Any = event(kind, **fields)

    assert told["data"]["title"] == title


def test_body_of__for_slack_escapes_what_slack_reads_as_markup() -> None:
    told = body("slack", event(name="<!channel> & co"))

    assert told["text"] == "&lt;!channel&gt; &amp; co is in band A now"
    header, section, context = told["blocks"]
    assert header["text"] == {
        "type": "plain_text",
        "text": "<!channel> & co is in band A now",
        "emoji": False,
    }
    assert section["text"]["type"] == "plain_text"
    assert context["elements"][0]["text"] == (
        "Owner: Jo &amp; &lt;Co&gt; · Territory: DACH · Lead: a/1"
        " · <https://crm.example.com/a%2F1|Open in the CRM>"
        " · <https://leads.example.com/#/lead/a%2F1|Open in LeadOdds>"
    )


def test_body_of__for_slack_keeps_its_limits() -> None:
    told = body("slack", event(name="x" * 5_000, owner="y" * 5_000))

    header, _, context = told["blocks"]
    assert len(header["text"]["text"]) == 150
    assert len(context["elements"][0]["text"]) <= 3_000


def test_body_of__for_teams_is_an_adaptive_card_without_markdown() -> None:
    told = body("teams", event(name="[Win](https://evil.example.com)"))

    (attachment,) = told["attachments"]
    card = attachment["content"]
    assert (told["type"], attachment["contentType"]) == ("message", "application/vnd.microsoft.card.adaptive")
    assert card["type"] == "AdaptiveCard"
    # A TextBlock would read Markdown; a run of text is shown as it is.
    assert {block["type"] for block in card["body"]} == {"RichTextBlock"}
    assert card["body"][0]["inlines"][0]["text"] == "[Win](https://evil.example.com) is in band A now"
    assert [action["url"] for action in card["actions"]] == [
        "https://crm.example.com/a%2F1",
        "https://leads.example.com/#/lead/a%2F1",
    ]


@pytest.mark.parametrize("form", ["json", "slack", "teams"])
def test_body_of__takes_verdicts_and_tests(form: str) -> None:
    verdict = verdict_event(Verdict("roll_back", "AUC fell to 0.5."), now=at(1), page_url=None)

    assert b"roll back to the version before" in body_of(verdict, form)  # type: ignore[arg-type]
    assert b"A test of the hook sales" in body_of(message_event("sales", now=at(1)), form)  # type: ignore[arg-type]
