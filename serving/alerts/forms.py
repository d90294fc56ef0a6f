"""Writes an event as the body of a hook: as it is, for Slack, or for Teams.

What leads are called comes from anybody, so it is never markup: Slack gets plain text, Teams runs of text.

Sources: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks and
https://docs.slack.dev/reference/block-kit/blocks; Teams takes an Adaptive Card through a workflow ("Post to a
channel when a webhook request is received"): the connectors of Office 365 are retired,
https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from pydantic_core import to_json

from serving.alerts.config import Form
from serving.alerts.events import facts_of
from serving.scoring.json_rows import JsonObject

_SLACK_TITLE: Final = 150
_SLACK_TEXT: Final = 3_000
_TEAMS_TEXT: Final = 3_000
_TEAMS_CARD: Final = "application/vnd.microsoft.card.adaptive"
_LINKS: Final = (("record_url", "Open in the CRM"), ("page_url", "Open in LeadOdds"))


def body_of(event: JsonObject, form: Form) -> bytes:
    """Writes the body of a message; the same event and form always give the same bytes."""
    return to_json(_FORMS[form](event))


def _as_slack(event: JsonObject) -> JsonObject:
    own: Any = event["data"]
    links = [f"<{own[name]}|{label}>" for name, label in _LINKS if own[name]]
    facts = [f"{name}: {_slack_escaped(value)}" for name, value in facts_of(event)]
    blocks: list[JsonObject] = [
        {"type": "header", "text": _slack_plain(own["title"], _SLACK_TITLE)},
    ]
    if own["text"]:
        blocks.append({"type": "section", "text": _slack_plain(own["text"], _SLACK_TEXT)})
    if facts or links:
        line = _cut(" · ".join([*facts, *links]), _SLACK_TEXT)
        blocks.append({"type": "context", "elements": [{"type": "mrkdwn", "text": line}]})
    # What a notification shows.
    return {"text": _slack_escaped(own["title"]), "blocks": blocks}


def _slack_plain(text: str, length: int) -> JsonObject:
    return {"type": "plain_text", "text": _cut(text, length), "emoji": False}


def _slack_escaped(text: str) -> str:
    """Escapes the three characters that Slack reads as markup, such as `<!channel>`."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _as_teams(event: JsonObject) -> JsonObject:
    own: Any = event["data"]
    facts = " · ".join(f"{name}: {value}" for name, value in facts_of(event))
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        # What a notification shows.
        "fallbackText": _cut(own["title"], _TEAMS_TEXT),
        "body": [
            _teams_run(own["title"], size="Medium", weight="Bolder"),
            *([_teams_run(own["text"])] if own["text"] else []),
            *([_teams_run(facts, isSubtle=True)] if facts else []),
        ],
        "actions": [
            {"type": "Action.OpenUrl", "title": label, "url": own[name]}
            for name, label in _LINKS
            if own[name]
        ],
    }
    attachment = {
        "contentType": _TEAMS_CARD,
        "contentUrl": None,
        "content": card,
    }
    return {"type": "message", "attachments": [attachment]}


def _teams_run(text: str, **style: object) -> JsonObject:
    """A line of text; unlike that of a TextBlock, it is not read as Markdown."""
    run: JsonObject = {"type": "TextRun", "text": _cut(text, _TEAMS_TEXT), **style}
    return {"type": "RichTextBlock", "inlines": [run]}


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"


def _as_it_is(event: JsonObject) -> JsonObject:
    return event


_FORMS: Final[Mapping[Form, Callable[[JsonObject], JsonObject]]] = {
    "json": _as_it_is,
    "slack": _as_slack,
    "teams": _as_teams,
}
