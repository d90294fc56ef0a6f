"""A made-up Salesforce, as Data Loader exports it: who is called and met converts more often than who is not.

Nothing in it is of a real company. The files are written as *Export All* writes them: UTF-8 with a byte order
mark, CRLF, every cell quoted, times with `+0000`. Most columns that the map does not read are left out.

    python -m tests.support.exports.salesforce export
"""

from __future__ import annotations

import csv
import math
import random
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

LEADS: Final = 1_500
DAYS: Final = 365
_SOURCES: Final = {"Web": 0.5, "Trade Show": 0.2, "Partner Referral": 1.6, "Purchased List": -0.8}
_COUNTRIES: Final = ("Germany", "France", "Netherlands", "Spain")
_FIRST: Final = ("Ada", "Ben", "Chloe", "Dirk", "Eva", "Finn", "Greta", "Hugo", "Ines", "Jan")
_LAST: Final = ("Adler", "Bakker", "Costa", "Dubois", "Evers", "Fuchs", "Garcia", "Haas", "Ibarra", "Jansen")
_OWNERS: Final = ("Ann Example", "Bob Example", "Cem Example")
_LOST: Final = "Closed - Not Converted"
Row = Mapping[str, object]


def write_salesforce_export(folder: Path, *, end: datetime, leads: int = LEADS, seed: int = 7) -> None:
    """Writes the files of one export.

    Args:
        folder: Where; it is made.
        end: The moment of the export, with a zone; nothing lies after it but what is planned.
        leads: How many, spread over a year before the end.
        seed: Of all that is random: the same seed and end give the same bytes.
    """
    made = _Company(end, random.Random(seed))
    for number in range(leads):
        made.add_lead(number)
    made.add_merged_lead(leads)
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in made.tables.items():
        with (folder / f"{name}.csv").open("w", encoding="utf-8-sig", newline="") as file:
            writer = csv.DictWriter(file, [*rows[0]], quoting=csv.QUOTE_ALL, lineterminator="\r\n")
            writer.writeheader()
            writer.writerows(rows)


class _Company:
    """Grows lead by lead; ids are those of Salesforce, 18 signs with the prefix of their object."""

    def __init__(self, end: datetime, chance: random.Random) -> None:
        self._end = end.astimezone(UTC)
        self._chance = chance
        self._owners = [_id("005", place) for place in range(len(_OWNERS))]
        self.tables: dict[str, list[Row]] = {
            "Lead": [],
            "LeadHistory": [],
            "Task": [],
            "Event": [],
            "EmailMessage": [],
            "Opportunity": [],
            "User": [{"Id": key, "Name": name} for key, name in zip(self._owners, _OWNERS, strict=True)],
        }

    def add_lead(self, number: int) -> None:
        """One lead, what happened to it until it was closed, and how it was closed, if it was."""
        lead, chance = _id("00Q", number), self._chance
        source = chance.choice([*_SOURCES])
        created = self._end - timedelta(days=chance.uniform(0.5, DAYS))
        calls, met = chance.randrange(5), chance.random() < 0.35
        # The odds of a sale at all: a base, the source, calls and a meeting.
        log_odds = -3.1 + _SOURCES[source] + 0.35 * calls + (1.5 if met else 0)
        is_sold = chance.random() < 1 / (1 + math.exp(-log_odds))
        closed = created + timedelta(days=chance.uniform(6, 45))
        is_closed = (is_sold or chance.random() < 0.6) and closed < self._end
        until = closed if is_closed else self._end
        for place in range(calls):
            self._call(lead, created + timedelta(days=0.2 + 2.5 * place + chance.random()), until)
        if met:
            self._meeting(lead, created + timedelta(days=chance.uniform(2, 6)), until)
        if chance.random() < 0.6:
            self._email(lead, created + timedelta(days=chance.uniform(0.1, 4)), until)
        rating = self._rating(lead, created + timedelta(days=chance.uniform(1, 5)), until)
        status = ("Closed - Converted" if is_sold else _LOST) if is_closed else "Open - Not Contacted"
        if is_closed:
            self._close(lead, status, closed)
        self._lead(number, created, source, status, rating, closed if is_closed and is_sold else None)

    def add_merged_lead(self, number: int) -> None:
        """A duplicate of the first lead, merged ten days before the export, with a call of its own."""
        merged = self._end - timedelta(days=10)
        self._call(_id("00Q", number), merged - timedelta(days=2), self._end)
        self._lead(number, merged - timedelta(days=4), "Web", "Open - Not Contacted", "", None)
        *others, last = self.tables["Lead"]
        gone = {"IsDeleted": "true", "MasterRecordId": _id("00Q", 0), "SystemModstamp": _time(merged)}
        self.tables["Lead"] = [*others, {**last, **gone}]

    def _lead(
        self,
        number: int,
        created: datetime,
        source: str,
        status: str,
        rating: str,
        converted: datetime | None,
    ) -> None:
        chance = self._chance
        name = f"{chance.choice(_FIRST)} {chance.choice(_LAST)}"
        self.tables["Lead"].append(
            {
                "Id": _id("00Q", number),
                "IsDeleted": "false",
                "MasterRecordId": "",
                "Name": name,
                "Company": f"{name.split()[1]} Example {number} Ltd",
                "Country": chance.choice(_COUNTRIES),
                "LeadSource": source,
                "Status": status,
                "Industry": chance.choice(("Software", "Retail", "")),
                "Rating": rating,
                "NumberOfEmployees": chance.choice(("", 10, 50, 250)),
                "OwnerId": chance.choice(self._owners),
                "IsConverted": "true" if converted else "false",
                "ConvertedDate": f"{converted:%Y-%m-%d}" if converted else "",
                "ConvertedOpportunityId": self._opportunity() if converted else "",
                "CreatedDate": _time(created),
                "SystemModstamp": _time(self._end),
            }
        )

    def _opportunity(self) -> str:
        opportunity = _id("006", len(self.tables["Opportunity"]))
        amount = round(self._chance.lognormvariate(8, 0.6), 2)
        self.tables["Opportunity"].append(
            {"Id": opportunity, "Amount": amount, "IsWon": "true", "StageName": "Closed Won"}
        )
        return opportunity

    def _rating(self, lead: str, changed: datetime, until: datetime) -> str:
        before, after = self._chance.sample(("Cold", "Warm", "Hot"), 2)
        if self._chance.random() < 0.4 and changed < until:
            self._change(lead, changed, "Rating", before, after)
        return after

    def _close(self, lead: str, status: str, closed: datetime) -> None:
        self._change(lead, closed, "Status", "Open - Not Contacted", status)
        if status != _LOST:
            self._change(lead, closed, "leadConverted", "", "")

    def _change(self, lead: str, at: datetime, field: str, old: str, new: str) -> None:
        change = {"Id": _id("017", len(self.tables["LeadHistory"])), "IsDeleted": "false", "LeadId": lead}
        told = {
            "CreatedDate": _time(at),
            "Field": field,
            "DataType": "Text",
            "OldValue": old,
            "NewValue": new,
        }
        self.tables["LeadHistory"].append({**change, **told})

    def _call(self, lead: str, at: datetime, until: datetime) -> None:
        if at < until:
            self._task(lead, at, "Call", self._chance.choice(("Inbound", "Outbound", "Outbound")))

    def _task(self, lead: str, at: datetime, subtype: str, call_type: str) -> str:
        task = _id("00T", len(self.tables["Task"]))
        self.tables["Task"].append(
            {
                "Id": task,
                "WhoId": lead,
                "Subject": subtype,
                "ActivityDate": f"{at:%Y-%m-%d}",
                "Status": "Completed",
                "IsDeleted": "false",
                "IsClosed": "true",
                "CreatedDate": _time(at),
                "CallDurationInSeconds": self._chance.randrange(30, 900) if call_type else "",
                "CallType": call_type,
                "CallDisposition": "",
                "TaskSubtype": subtype,
                "CompletedDateTime": _time(at),
            }
        )
        return task

    def _meeting(self, lead: str, at: datetime, until: datetime) -> None:
        if at < until:
            event = {"Id": _id("00U", len(self.tables["Event"])), "WhoId": lead, "Subject": "Demo"}
            told = {
                "IsDeleted": "false",
                "IsChild": "false",
                "IsAllDayEvent": "false",
                "DurationInMinutes": 45,
            }
            times = {"ActivityDate": f"{at:%Y-%m-%d}", "StartDateTime": _time(at)}
            entered = _time(at - timedelta(days=1))
            self.tables["Event"].append({**event, **told, **times, "CreatedDate": entered})

    def _email(self, lead: str, at: datetime, until: datetime) -> None:
        if at < until:
            task, opened = self._task(lead, at, "Email", ""), at + timedelta(hours=5)
            mail = {
                "Id": _id("02s", len(self.tables["EmailMessage"])),
                "ActivityId": task,
                "IsDeleted": "false",
            }
            incoming = "true" if self._chance.random() < 0.3 else "false"
            seen = incoming == "false" and opened < until and self._chance.random() < 0.5
            times = {"MessageDate": _time(at), "FirstOpenedDate": _time(opened) if seen else ""}
            told = {"Incoming": incoming, "Status": "3", "CreatedDate": _time(at)}
            self.tables["EmailMessage"].append({**mail, **told, **times})


def _id(prefix: str, number: int) -> str:
    return f"{prefix}A{number:011d}AAA"


def _time(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S}.000+0000"


if __name__ == "__main__":
    write_salesforce_export(Path(sys.argv[1]), end=datetime.now(UTC))
