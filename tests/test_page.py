"""The page in a browser: what a salesperson and a data scientist do with it, and what must never happen."""

from __future__ import annotations

import csv
import io
import math
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from features.sources.connections import sqlite_url
from features.times import parse_time
from models.home.decisions import note_decision
from models.home.home import Home
from serving.alerts.events import message_event
from serving.alerts.queue import NewAlert, add_alerts, give_up
from serving.clock import SteadyClock
from serving.keys.commands import create, revoke
from tests.support.servers import ROOT, running_server
from tests.support.small_models import home_with, small_bundle
from tests.support.stores import open_store

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.all

CHROMIUM = "/usr/bin/chromium"
SWITCHES = [
    *("--no-sandbox", "--disable-gpu", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
]
SCREENSHOTS = ROOT / "build" / "page"
HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script>\u202eabc 🦄 ".ljust(4_000, "x")
VIEWS = {
    "leads": ("#/leads", "Call list"),
    "lead": ("#/lead/lead-07", "lead-07"),
    "model": ("#/model", "Model version"),
    "health": ("#/health", "Health"),
}
# What axe-core calls the impact of a violation.
GRAVE = {"serious", "critical"}
LEADS = 60
EXPECTED_AMOUNT = 10_000.0
FORMULA = '=HYPERLINK("x")'
FIGURE = {"value": 0.8, "low": 0.7, "high": 0.9, "n": 400}
EVALUATION = {
    "reliability": [
        {
            "promised": 0.1 * place,
            "happened": {"value": 0.1 * place, "low": 0.05 * place, "high": 0.12 * place, "n": 80},
            "conversions": 8 * place,
        }
        for place in range(1, 6)
    ],
    "gains_curve": [[place / 50, (place / 50) ** 0.5] for place in range(51)],
    "gains": {"at_10": {"share": 0.1, "lift": FIGURE, "conversions": FIGURE}},
    "training_distribution": {"meetings_count": [0.5, 0.25, 0.125, 0.125]},
}


@dataclass
class Shown:
    """A page, where it comes from, and errors and foreign requests."""

    page: Page
    url: str
    complaints: list[str] = field(default_factory=list)

    def watch(self) -> None:
        """Notes errors and requests that leave the origin."""
        self.page.on(
            "console",
            lambda message: self.complaints.append(message.text) if message.type == "error" else None,
        )
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: self.complaints.append(dialog.message))
        self.page.on(
            "request",
            lambda request: (
                None if request.url.startswith((self.url, "blob:")) else self.complaints.append(request.url)
            ),
        )

    def sign_in(self, key: str) -> None:
        """Signs in and waits for the list."""
        self.page.goto(f"{self.url}/")
        self.page.get_by_label("API key").fill(key)
        self.page.get_by_role("button", name="Sign in").click()
        self.heading("Call list")

    def show(self, place: str, heading: str) -> None:
        """Goes to a view."""
        self.page.evaluate("place => { location.hash = place; }", place)
        self.heading(heading)

    def heading(self, name: str) -> None:
        """Waits until a view is shown, all of it."""
        self.page.get_by_role("heading", level=1, name=name).wait_for()
        self.page.locator("main:not([aria-busy])").wait_for()

    def hold_to_the_rules(self, name: str, width: int, scheme: str) -> tuple[int, list[str]]:
        """Keeps a picture of a view; gives how wide it is, and what axe-core has against it."""
        from axe_playwright_python.sync_playwright import Axe

        self.page.screenshot(path=SCREENSHOTS / f"{name}-{scheme}-{width}.png", full_page=True)
        found = Axe().run(self.page).response["violations"]
        grave = [f"{fault['id']}: {fault['nodes'][0]['html']}" for fault in found if fault["impact"] in GRAVE]
        return self.page.evaluate("document.documentElement.scrollWidth"), grave

    def ranks(self) -> list[str]:
        """Ranks of the leads that are shown."""
        return self.page.locator(".leads tbody td:first-child").all_inner_texts()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=SWITCHES)
        yield browser
        browser.close()


@dataclass
class Service:
    """A running server with leads, and its keys."""

    url: str
    home: Home
    keys: dict[str, str]

    def get(self, path: str) -> Any:
        """Asks the API as a CRM does."""
        answer = httpx.get(f"{self.url}{path}", headers={"X-API-Key": self.keys["admin"]}, timeout=60)
        answer.raise_for_status()
        return answer.json()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    facts: dict[str, Any] = {
        "evaluation": EVALUATION,
        "metrics": {"auc": FIGURE},
        "expected_amount": EXPECTED_AMOUNT,
    }
    home = home_with(
        tmp_path_factory.mktemp("home"), small_bundle(**facts), small_bundle(version="2", **facts)
    )
    now = time.time_ns() // 1000
    made = {name: create(name, "admin", home=home.path, now=now) for name in ("admin", "leaving")}
    keys = {name: str(key["key"]) for name, key in made.items()}
    shown = {"display": "name,owner", "record_link": "https://crm.example.com/leads/{lead_id}"}
    with running_server(home, log_requests=False, **shown) as server:
        service = Service(server.url, home, keys)
        _tell(service)
        yield service


def _tell(service: Service) -> None:
    """Sends leads and what happened, and waits until all are scored."""
    headers = {"X-API-Key": service.keys["admin"]}
    with httpx.Client(base_url=service.url, headers=headers, timeout=60) as client:
        for number in range(LEADS):
            country = ("DE", "FR", "IT")[number % 3]
            source = {7: HOSTILE, 8: FORMULA}.get(number, "trade_fair")
            attributes = {"country": country, "source": source, "note": HOSTILE if number == 7 else "plain"}
            attributes |= {
                "name": HOSTILE if number == 7 else f"Name {number}",
                "owner": ("Kim", "Sam")[number % 2],
            }
            body = {"created_at": "2026-01-01T00:00:00Z", "attributes": attributes}
            client.put(f"/v1/leads/lead-{number:02}", json=body).raise_for_status()
        met = [
            {
                "interaction_id": f"m{number}",
                "lead_id": f"lead-{number:02}",
                "kind": "meeting_held",
                "occurred_at": "2026-01-05T00:00:00Z",
                "campaign": "<b>bold</b>",
            }
            for number in range(0, LEADS, 6)
        ]
        client.post("/v1/interactions", json={"source": "crm", "interactions": met}).raise_for_status()
        _wait_until_scored(client, met=len(met))


def _wait_until_scored(client: httpx.Client, *, met: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        likely = client.get("/v1/leads", params={"min_probability": 0.3}).json()["total"]
        if client.get("/v1/leads").json()["total"] == LEADS and likely >= met:
            return
        time.sleep(0.2)
    raise TimeoutError("the leads were not scored")


@pytest.fixture
def shown(browser: Browser, service: Service) -> Iterator[Shown]:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    shown = Shown(context.new_page(), service.url)
    shown.watch()
    yield shown
    context.close()


def test_page__lists_filters_and_turns_pages(shown: Shown, service: Service) -> None:
    shown.sign_in(service.keys["admin"])
    first = shown.ranks()
    shown.page.get_by_role("button", name="Next").click()
    shown.page.get_by_text("51 to 60 shown").wait_for()
    second = shown.ranks()
    shown.page.get_by_role("button", name="Previous").click()
    shown.page.get_by_text("1 to 50 shown").wait_for()
    shown.page.get_by_label("Search").fill("lead-0")
    shown.page.get_by_role("button", name="Show").click()
    shown.page.get_by_text("10 open leads").wait_for()
    shown.page.get_by_role("checkbox", name="D", exact=True).check()
    band = service.get("/v1/leads?text=lead-0&band=D")["total"]
    shown.page.get_by_text(re.compile(rf"^{band} open lead")).wait_for()
    shown.page.get_by_role("link", name="Clear").click()
    shown.page.get_by_text("60 open leads").wait_for()
    with shown.page.expect_download() as saving:
        shown.page.get_by_role("button", name="Save these rows as CSV").click()
    saved = Path(saving.value.path()).read_text(encoding="utf-8-sig")
    rows = {row["lead_id"]: row for row in csv.DictReader(io.StringIO(saved))}

    assert first == [str(rank) for rank in range(1, 51)]
    assert second == [str(rank) for rank in range(51, 61)]
    assert [row["rank"] for row in rows.values()] == first
    # A spreadsheet shows what begins with a quote, and computes nothing.
    assert {row["source"] for row in rows.values()} == {"trade_fair", f"'{FORMULA}", HOSTILE}
    assert rows["lead-00"]["reasons"].startswith("Meetings held: 1 (1.00); Country: DE (")
    assert shown.complaints == []


def test_page__filters_and_orders_by_what_sales_asks_for(shown: Shown, service: Service) -> None:
    shown.sign_in(service.keys["admin"])
    score = service.get("/v1/leads/lead-00/score")

    row = shown.page.locator(".leads tbody tr").filter(
        has=shown.page.get_by_role("link", name="lead-00", exact=True)
    )
    text = row.inner_text()
    shown.page.get_by_label("Sort by").select_option("waiting time")
    shown.page.get_by_text("10 open leads, 1 to 10 shown").wait_for()
    shown.page.get_by_role("link", name="Clear").click()
    shown.page.get_by_text("60 open leads").wait_for()
    shown.page.get_by_role("checkbox", name="SQL").check()
    shown.page.get_by_text("10 open leads").wait_for()
    shown.page.get_by_label("Waiting at least (hours)").fill("1000000")
    shown.page.get_by_role("button", name="Show").click()
    shown.page.get_by_text("No open lead passes these filters.").wait_for()
    shown.page.get_by_role("link", name="Clear").click()
    shown.page.get_by_text("60 open leads").wait_for()
    shown.page.get_by_label("Source").fill(FORMULA)
    shown.page.get_by_role("button", name="Show").click()
    shown.page.get_by_text("1 open lead, 1 to 1 shown").wait_for()

    assert f"{100 * score['probability']:.1f}" in text
    assert f"{EXPECTED_AMOUNT * score['probability']:,.0f}" in text
    assert re.search(r"Meetings held: 1\s+.*Country: DE", text, re.DOTALL)
    assert shown.complaints == []


def test_page__shows_a_sum_of_points_that_is_the_probability(shown: Shown, service: Service) -> None:
    shown.sign_in(service.keys["admin"])
    shown.page.get_by_role("link", name="lead-00", exact=True).click()
    shown.heading("lead-00")
    shown.page.get_by_label("Show all digits").check()
    texts = shown.page.locator(".waterfall tbody tr td:nth-child(3)").all_inner_texts()
    *parts, whole = (float(text.replace("−", "-")) for text in texts)

    probability = service.get("/v1/leads/lead-00/score")["probability"]

    assert len(parts) >= 3
    assert 1 / (1 + math.exp(-math.fsum(parts))) == pytest.approx(probability, abs=1e-6)
    assert math.fsum(parts) == pytest.approx(whole, abs=1e-6)
    assert shown.page.locator(".lane .mark").count() == 1
    line = shown.page.get_by_role("group", name="Arrow keys")
    line.focus()
    line.press("Home")
    assert "as of 1 Jan 2026" in shown.page.locator("output.reading").inner_text()
    assert shown.complaints == []


def test_page__shows_hostile_text_as_text(shown: Shown, service: Service) -> None:
    shown.sign_in(service.keys["admin"])
    shown.show("#/lead/lead-07", "lead-07")

    text = "main => main.textContent"
    assert HOSTILE in shown.page.locator("main").evaluate(text)
    shown.show("#/leads?text=lead-07", "Call list")
    assert HOSTILE in shown.page.locator(".leads").evaluate(text)
    shown.show("#/lead/lead-06", "lead-06")
    assert "<b>bold</b>" in shown.page.locator("main").inner_text()
    assert shown.page.locator("main img, main script, main b").count() == 0
    assert shown.complaints == []


def test_page__shows_the_model_while_it_is_exchanged(shown: Shown, service: Service) -> None:
    shown.sign_in(service.keys["admin"])
    shown.show("#/model", "Model version 1")
    shown.page.get_by_role("img", name="Predicted against observed in 5 bins").wait_for()
    shown.page.get_by_role("img", name="Cumulative gains").wait_for()
    curves = shown.page.locator(".curves h3").all_inner_texts()
    note_decision(service.home, "promote", "2", at=0, reason=f"Better. {HOSTILE}")
    service.home.swap_champion("2")
    deadline = time.monotonic() + 30
    heading = shown.page.get_by_role("heading", level=1, name="Model version")
    while time.monotonic() < deadline and "2" not in heading.inner_text():
        shown.page.reload()
        heading.wait_for()

    assert heading.inner_text() == "Model version 2"
    rows = shown.page.get_by_role("region", name="Versions").locator("tbody tr").all_inner_texts()
    assert [row.split()[:2] for row in rows] == [["2", "in"], ["1", "1"]]
    assert all("0.7 to 0.9" in row and "never" not in row for row in rows)
    (decision,) = shown.page.get_by_role("region", name="Decisions").locator("tbody tr").all_inner_texts()
    assert "promoted 2" in decision
    assert "before: 1" in decision
    assert f"Better. {HOSTILE[:40]}" in decision
    assert sorted(curves) == ["Country", "Has a budget", "Interactions of the account", "Meetings held"]
    shown.show("#/health", "Health")
    assert "The quarantine is empty." in shown.page.locator("main").inner_text()
    assert shown.complaints == []


def test_page__shows_what_waits_for_web_hooks(shown: Shown, service: Service) -> None:
    store = open_store(sqlite_url(service.home.path / "service.db"), clock=SteadyClock())
    told = NewAlert("entered", "lead-07", message_event("sales", now=0), ["sales"])
    store.write(
        lambda connection, receipt: add_alerts(connection, [told], now=receipt.at, expires_at=receipt.at)
    ).result()
    store.write(lambda connection, receipt: give_up(connection, now=receipt.at)).result()
    store.close()
    shown.sign_in(service.keys["admin"])

    shown.show("#/health", "Health")

    alerts = shown.page.get_by_role("region", name="Alerts")
    assert "Not taken in time: 1 by sales." in alerts.inner_text()
    (row,) = alerts.locator("tbody tr").all_inner_texts()
    assert row.split() == ["sales", "0", "0", "1", "-", *["it", "was", "not", "taken", "in", "time"]]
    assert shown.complaints == []


def test_page__asks_for_the_key_again_when_the_session_ends(shown: Shown, service: Service) -> None:
    shown.sign_in(service.keys["leaving"])
    revoke("leaving", home=service.home.path)
    time.sleep(1.5)  # what a server takes at most to hear of it

    shown.page.get_by_role("link", name="Model").click()

    shown.page.get_by_text("The session has ended. Sign in again.").wait_for()
    assert shown.page.get_by_label("API key").is_visible()
    # The browser itself reports the response 401, and nothing else.
    assert {complaint.partition(" ")[0] for complaint in shown.complaints} == {"Failed"}
    shown.page.get_by_label("API key").fill(service.keys["admin"])
    shown.page.get_by_role("button", name="Sign in").click()
    shown.heading("Model version")
    shown.page.get_by_role("button", name="Sign out").click()
    shown.heading("Sign in")
    shown.page.reload()
    shown.heading("Sign in")


def test_page__takes_what_came_of_a_call_and_moves_the_list(browser: Browser, service: Service) -> None:
    # A viewer in New York, whose clock is two hours ahead; nothing that is said depends on that clock.
    context = browser.new_context(viewport={"width": 1440, "height": 900}, timezone_id="America/New_York")
    shown = Shown(context.new_page(), service.url)
    shown.watch()
    shown.page.clock.set_fixed_time(time.time() + 7200)
    shown.sign_in(service.keys["admin"])
    shown.show("#/leads?text=lead-58", "Call list")
    row = shown.page.get_by_role("row", name="lead-58")
    assert "Name 58" in row.inner_text()
    record = row.get_by_role("link", name="lead-58 in the CRM")
    assert record.get_attribute("href") == "https://crm.example.com/leads/lead-58"
    assert record.get_attribute("rel") == "noopener noreferrer"

    row.get_by_role("button", name="Called").click()
    shown.page.get_by_text("lead-58: called. It is at place 1 now.").wait_for()
    row.get_by_role("button", name="Later").click()
    shown.page.get_by_text("lead-58: later. It has left this list.").wait_for()
    shown.page.get_by_text("More", exact=False).last.click()
    shown.page.get_by_label("Leads set aside").select_option("listed alone")
    shown.page.get_by_text("1 open lead, 1 to 1 shown").wait_for()
    assert "set aside until" in row.inner_text()

    row.get_by_role("link", name="lead-58", exact=True).click()
    shown.heading("lead-58")
    lead = service.get("/v1/leads/lead-58")["interactions"]
    assert sorted(entry["kind"] for entry in lead) == ["call_later", "call_outbound", "call_outbound"]
    assert {(entry["source"], entry["recorded_by"]) for entry in lead} == {("page", "admin")}
    assert all(abs(parse_time(entry["occurred_at"]) / 1e6 - time.time()) < 300 for entry in lead)
    # Created on the first of January at midnight UTC, which was the evening before in New York.
    assert re.search(r"31 Dec 2025, 19:00 (GMT-5|EST)", shown.page.locator(".summary").inner_text())
    assert shown.complaints == []
    context.close()


def test_page__offers_no_buttons_without_the_scope_write(shown: Shown, service: Service) -> None:
    key = create("reader", "score", home=service.home.path, now=time.time_ns() // 1000)["key"]
    time.sleep(1.5)  # what a server takes at most to hear of it
    shown.sign_in(str(key))

    assert shown.page.locator(".leads tbody tr").count() == 50
    assert shown.page.get_by_role("button", name="Called").count() == 0


def test_page__lays_its_filters_out_on_one_line_and_ids_do_not_wrap(shown: Shown, service: Service) -> None:
    shown.sign_in(service.keys["admin"])
    shown.page.get_by_label("Owner").fill("Kim")
    shown.page.get_by_role("button", name="Show").click()
    # Without the one that another test sets aside.
    shown.page.get_by_text(re.compile("^(29|30) open leads")).wait_for()

    fields = (
        "form => [...form.querySelector('.fields').children].map(part => part.getBoundingClientRect().bottom)"
    )
    bottoms = shown.page.locator("form.filters").evaluate(fields)
    heights = shown.page.locator(".leads .id").evaluate_all("ids => ids.map(id => id.offsetHeight)")
    days = re.findall(r"[\d.]+ days", shown.page.locator("main").inner_text())
    assert max(bottoms) - min(bottoms) < 20
    assert set(heights) == {min(heights)}
    assert all(re.fullmatch(r"\d+(\.\d)? days", said) for said in days)
    assert shown.complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1440])
def test_page__fits_its_window_and_is_for_everybody(
    browser: Browser, service: Service, width: int, scheme: Any
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    shown = Shown(context.new_page(), service.url)
    shown.watch()
    shown.page.goto(f"{service.url}/")
    shown.heading("Sign in")
    held = {"sign-in": shown.hold_to_the_rules("sign-in", width, scheme)}
    shown.sign_in(service.keys["admin"])
    for name, (place, heading) in VIEWS.items():
        shown.show(place, heading)
        held[name] = shown.hold_to_the_rules(name, width, scheme)
    context.close()

    assert held == dict.fromkeys(held, (width, []))
    assert shown.complaints == []
