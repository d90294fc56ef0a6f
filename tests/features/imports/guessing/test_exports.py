"""Drafts for exports as companies have them, in small: what a draft finds, and what an edited one imports."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from features.imports.format.map_files import parse_map, read_map
from features.imports.guessing.guess import guess
from features.imports.import_report import ImportReport
from features.imports.run import import_history
from features.times import parse_time

NOW = parse_time("2026-12-01T00:00:00Z")
NUMBERS = range(100, 130)


def imported(source: Path, draft: str, tmp_path: Path) -> ImportReport:
    (tmp_path / "map.toml").write_text(draft, encoding="utf-8")
    return import_history(source, tmp_path / "out", map_name=str(tmp_path / "map.toml"), now=NOW)


def edited(draft: str, start: str, **meanings: str) -> str:
    """Takes the signs away from the outcomes after a line, and says what their states mean."""
    before, _, rest = draft.partition(f"\n{start}")
    told, _, after = rest.partition("\n\n")
    block = re.sub(r"^# ", "", told.partition("\n")[2], flags=re.MULTILINE)
    for state, meaning in meanings.items():
        block = block.replace(
            f'"{state.replace("_", " ")}" = "open"', f'"{state.replace("_", " ")}" = "{meaning}"'
        )
    return f"{before}\n{block}\n\n{after}"


def test_guess__opens_lists_and_objects_of_documents(tmp_path: Path) -> None:
    """Leads as Close.com exports them: with their activities and opportunities within."""
    leads = [
        {
            "id": f"lead_{n}",
            "display_name": f"Firm {n}",
            "date_created": "2026-05-01T08:00:00.123000+00:00",
            "custom": {"Source": "Web" if n % 2 else "Fair", "Size": n},
            "activities": [
                {
                    "_type": "Call",
                    "id": f"acti_{n}",
                    "activity_at": "2026-05-02T08:00:00+00:00",
                    "duration": 60,
                }
            ],
            "opportunities": [
                {
                    "status_type": "won" if n % 3 else "lost",
                    "date_won": "2026-05-05" if n % 3 else None,
                    "date_lost": None if n % 3 else "2026-05-06",
                    "value": 900,
                }
            ],
        }
        for n in NUMBERS
    ]
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "leads.json").write_text(json.dumps(leads), encoding="utf-8")

    draft = guess(tmp_path / "source")
    start = "# leads.opportunities, opportunities_item.status_type"
    report = imported(tmp_path / "source", edited(draft, start, won="converted", lost="lost"), tmp_path)

    # Of 100 to 129, 10 are divisible by 3.
    assert (report.exit_code, report.outcomes, report.kinds) == (
        0,
        {"converted": 20, "lost": 10},
        {"call_outbound": 30},
    )
    columns = {*pq.read_schema(tmp_path / "out" / "leads.parquet").names}
    assert {"custom_source", "custom_size", "name"} <= columns


def test_guess__reads_tables_of_excel_in_german(tmp_path: Path) -> None:
    """Not in Unicode, semicolons, decimal commas, the date and the time of day in two columns."""
    leads = "".join(
        f"I-{n};Firma {n};Jörg Müller {n};03.02.26 09:15;Messe;1.234,5{n % 10} €;"
        f"{'Gewonnen' if n % 3 else 'Verloren'};{n % 28 + 1:02}.03.2026\n"
        for n in NUMBERS
    )
    calls = "".join(f"05.02.2026;{n % 12 + 8:02}:30;I-{n};Rückruf;4,5\n" for n in NUMBERS)
    source = tmp_path / "source"
    source.mkdir()
    names = "Nr.;Firma;Ansprechpartner;Angelegt am;Herkunft;Umsatz;Status;Abgeschlossen am"
    header = f"Export vom 1. April\n\n{names}\n"
    footer = "\nErstellt von: Jörg\nVertraulich\n"
    (source / "Interessenten.csv").write_bytes((header + leads + footer).encode("cp1252"))
    (source / "Anrufe.csv").write_bytes(f"Datum;Uhrzeit;Interessent;Art;Dauer\n{calls}".encode("cp1252"))

    draft = guess(source).replace('zone = "UTC"', 'zone = "Europe/Berlin"')
    draft = edited(draft, "# Status: ", Gewonnen="converted", Verloren="lost")
    report = imported(source, draft, tmp_path)

    assert "header_line = 3  # NOT SURE" in draft
    assert "footer_lines = 3  # NOT SURE" in draft
    assert (report.exit_code, report.outcomes) == (0, {"converted": 20, "lost": 10})
    # In a later export such an outcome corrects that of the same id.
    assert pq.read_table(tmp_path / "out" / "outcomes.parquet")["outcome_id"][0].as_py() == "I-100"
    (first, *_) = pq.read_table(tmp_path / "out" / "interactions.parquet").to_pylist()
    # The call of lead 100, at 8:30 + 4 hours in Berlin.
    assert first["occurred_at"].isoformat() == "2026-02-05T11:30:00+00:00"
    assert pq.read_table(tmp_path / "out" / "leads.parquet")["name"][0].as_py() == "Jörg Müller 100"


def test_guess__makes_ids_of_addresses_and_joins_by_them(tmp_path: Path) -> None:
    members = "".join(f"Ann;A{n}@x.example;2026-05-01 08:00;Web\n" for n in NUMBERS)
    sent = "".join(f"a{n}@x.example,open,2026-05-02 09:00\n" for n in NUMBERS)
    source = tmp_path / "source"
    source.mkdir()
    (source / "contacts.csv").write_text(f"First name;Email;Signup date;Source\n{members}", encoding="utf-16")
    (source / "opens.csv").write_text(f"Email,Action,Timestamp\n{sent}", encoding="utf-8")

    report = imported(source, guess(source), tmp_path)

    assert report.kinds == {"email_opened": 30}
    lead_ids = pq.read_table(tmp_path / "out" / "leads.parquet")["lead_id"].to_pylist()
    assert hashlib.md5(b"a100@x.example").hexdigest() in lead_ids


def test_guess__takes_a_column_named_as_ours_though_all_its_cells_are_the_same(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    leads = "".join(f"L-{n},2026-05-01 08:00:00Z\n" for n in NUMBERS)
    touches = "".join(f"L-{n},2026-05-02 08:00:00Z,first_contact,{'' if n % 9 else 'web'}\n" for n in NUMBERS)
    (tmp_path / "source" / "leads.csv").write_text(f"lead_id,created_at\n{leads}")
    (tmp_path / "source" / "contacts.csv").write_text(f"lead_id,occurred_at,kind,channel\n{touches}")

    report = imported(tmp_path / "source", guess(tmp_path / "source"), tmp_path)

    assert (report.refused_count, report.kinds) == (0, {"first_contact": len(NUMBERS)})


def test_guess__links_visitors_of_a_log_and_offers_events_as_sales(tmp_path: Path) -> None:
    """Events as Amplitude exports them: of a device until its user signs up."""
    events = [
        {
            "user_id": user,
            "device_id": f"d{n}",
            "event_type": event,
            "event_time": f"2026-05-0{day} 08:00:00.5",
        }
        for n in NUMBERS
        for day, (user, event) in enumerate(
            [(None, "Page Viewed"), (f"u{n}", "Signed Up"), (f"u{n}", "Subscription Started")], 1
        )
    ]
    source = tmp_path / "source"
    source.mkdir()
    for part in (0, 1):
        rows = "".join(json.dumps(each) + "\n" for each in events[45 * part : 45 * part + 45])
        (source / f"77_2026-05-0{part}.json").write_text(rows, encoding="utf-8")

    draft = edited(guess(source), "# event_type: ", Subscription_Started="converted")
    report = imported(source, draft, tmp_path)

    assert 'file = "77_*.json"' in draft
    assert report.tables["lead_aliases"] == 30
    assert (report.tables["leads"], report.outcomes) == (30, {"converted": 30})
    assert report.kinds["page_view"] == 30


def test_guess__takes_logs_of_changes_and_the_names_of_kinds(tmp_path: Path) -> None:
    leads = "".join(f"{n},2026-05-01 08:00,Web,Gold,open\n" for n in NUMBERS)
    changes = "".join(
        f"{n},2026-05-0{2 + n % 2} 08:00,{'plan' if n % 2 else 'status'},Old,{'Gold' if n % 2 else 'won'}\n"
        for n in NUMBERS
    )
    done = "".join(f"{n},2026-05-03 08:00,{n % 2 + 5}\n" for n in NUMBERS)
    source = tmp_path / "source"
    source.mkdir()
    (source / "leads.csv").write_text(f"id,created_at,lead_source,plan,status\n{leads}")
    (source / "lead_audit.csv").write_text(
        f"parent_id,date_created,field_name,old_value,new_value\n{changes}"
    )
    (source / "activities.csv").write_text(f"lead_id,activity_date,activity_type_id\n{done}")
    (source / "types.csv").write_text("id,name\n5,Send Email\n6,Attend Meeting\n")

    draft = guess(source)
    report = imported(source, edited(draft, "# lead_audit, changes of status", won="converted"), tmp_path)

    assert parse_map(draft, "draft").attributes()["plan"].known == "changes"
    assert report.kinds == {"email_sent": 15, "meeting_held": 15}
    assert (report.outcomes, report.tables["attribute_changes"]) == ({"converted": 15}, 15)


@pytest.mark.parametrize(
    ("encoding", "source_name"),
    [
        ("utf-16-le", "Web"),
        ("cp1251", "Сайт"),
        ("cp932", "ウェブサイト"),
        ("gb18030", "网站转介绍"),
        ("cp949", "웹사이트"),
        ("cp1250", "Źródło własne, żółć"),
        ("cp1252", "Größe: é, 5 £"),
    ],
)
def test_guess__tells_how_files_are_encoded(tmp_path: Path, encoding: str, source_name: str) -> None:
    rows = "".join(f"L{n};2026-05-01 10:00;{source_name}{n % 2}\n" for n in NUMBERS)
    (tmp_path / "leads.csv").write_bytes(f"id;created;source\n{rows}".encode(encoding))

    assert f'encoding = "{encoding}"  # NOT SURE' in guess(tmp_path / "leads.csv")


def test_guess__takes_the_first_row_of_a_person_and_leaves_out_files_that_cannot_be_read(
    tmp_path: Path,
) -> None:
    rows = "".join(f"A B,+49 30 {10_000_000 + n % 27},2026-05-{1 + n // 27:02} 10:00\n" for n in range(30))
    source = tmp_path / "source"
    source.mkdir()
    (source / "leads.csv").write_text(f"Name,Phone,Created\n{rows}")
    (source / "calls.csv").write_text("")

    draft = guess(source)
    report = imported(source, draft, tmp_path)

    assert "# Not used: calls.csv cannot be read: the file is empty." in draft
    # 27 people, of whom 3 came twice.
    assert (report.exit_code, report.tables["leads"]) == (0, 27)
    assert report.blocks[0].counts == {"older": 3}


def test_guess__names_the_shipped_map_that_reads_the_files() -> None:
    fixtures = Path(__file__).parents[1] / "fixtures"

    assert "try --map zoho first" in guess(fixtures / "zoho_csv" / "source")


def test_guess__reads_what_has_no_header_as_the_shipped_map_names_it(tmp_path: Path) -> None:
    """The enriched stream of Snowplow, whose cells are no texts in quotes either."""
    names = read_map("snowplow").tables["events"].columns
    cells = {"app_id": "web", "event": "page_view", "page_title": '"odd', "platform": "web"}
    events = [
        {
            **cells,
            "event_id": f"00000000-0000-4000-8000-{n:012}",
            "collector_tstamp": f"2026-05-0{n % 3 + 1} 08:00:00.000",
            "user_id": f"u{n // 3}" if n % 3 else "",
            "domain_userid": f"d{n // 3}",
        }
        for n in range(60)
    ]
    rows = "".join("\t".join(event.get(name, "") for name in names) + "\n" for event in events)
    source = tmp_path / "events.tsv"
    source.write_text(rows, encoding="utf-8")

    draft = guess(source)
    report = imported(source, draft, tmp_path)
    shipped = import_history(source, tmp_path / "shipped", map_name="snowplow", now=NOW)

    assert "try --map snowplow first" in draft
    for told in (report, shipped):
        assert (told.exit_code, told.tables["leads"], told.tables["lead_aliases"]) == (0, 20, 20)
        assert told.kinds == {"page_view": 60}


def test_guess__takes_a_list_of_calls_for_leads_by_their_number(tmp_path: Path) -> None:
    days = ("01-01-2026", "31-12-2025")
    rows = "".join(
        f'"+351 21 {1000000 + n % 15}";"{days[n // 15]}";"10:{n:02}:00";"{60 + n}"\n' for n in range(30)
    )
    source = tmp_path / "chamadas.csv"
    source.write_text(f'"telefone";"data";"hora";"duração"\n{rows}', encoding="latin-1")

    report = imported(source, guess(source), tmp_path)

    # As a text, the later day comes first.
    leads = pq.read_table(tmp_path / "out" / "leads.parquet").to_pylist()
    first = next(row for row in leads if row["lead_id"] == hashlib.md5(b"+351 21 1000001").hexdigest())
    assert first["created_at"].isoformat() == "2025-12-31T10:16:00+00:00"
    assert (report.tables["leads"], report.kinds) == (15, {"call_outbound": 30})


def test_guess__opens_what_a_mover_landed_as_documents(tmp_path: Path) -> None:
    """Raw tables of Airbyte: each record is one cell, whatever the number of its fields."""
    source = tmp_path / "source"
    source.mkdir()

    def land(stream: str, records: list[dict[str, object]]) -> None:
        rows = [
            {"_airbyte_ab_id": f"a{n}", "_airbyte_data": json.dumps(each)} for n, each in enumerate(records)
        ]
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (source / f"_airbyte_raw_{stream}.jsonl").write_text(text, encoding="utf-8")

    deals = [
        {
            "id": n,
            **{f"field_{place:02}": 0 for place in range(40)},
            "add_time": "2026-05-01 08:00:00",
            "won_time": "2026-05-09 08:00:00" if n % 2 else None,
            "status": "won" if n % 2 else "open",
        }
        for n in NUMBERS
    ]
    land("deals", deals)
    land(
        "activities",
        [
            {"id": n, "deal_id": n, "type": "call", "due_date": "2026-05-02", "due_time": "09:30"}
            for n in NUMBERS
        ],
    )

    draft = edited(guess(source), "# _airbyte_data.status", won="converted")
    report = imported(source, draft, tmp_path)

    assert (report.exit_code, report.outcomes, report.kinds) == (0, {"converted": 15}, {"call_outbound": 30})
    (first, *_) = pq.read_table(tmp_path / "out" / "interactions.parquet").to_pylist()
    assert first["occurred_at"].isoformat() == "2026-05-02T09:30:00+00:00"


def test_guess__links_the_visitors_of_tables_of_a_warehouse(tmp_path: Path) -> None:
    """Tables of Segment: users, who is who, pages of visitors, and a table of sales."""
    source = tmp_path / "source"
    source.mkdir()
    at = {day: f"2026-05-0{day}T08:00:00Z" for day in range(1, 5)}
    tables = {
        "users": [{"id": f"u{n}", "created_at": at[2]} for n in NUMBERS],
        "identifies": [{"anonymous_id": f"v{n}", "user_id": f"u{n}", "timestamp": at[2]} for n in NUMBERS],
        "pages": [
            {
                "id": f"p{n}-{day}",
                "anonymous_id": f"v{n}",
                "user_id": f"u{n}" if day > 1 else None,
                "timestamp": at[day],
            }
            for n in NUMBERS
            for day in (1, 3)
        ],
        "order_completed": [{"user_id": f"u{n}", "timestamp": at[4], "revenue": 9.5} for n in NUMBERS[:10]],
    }
    for name, rows in tables.items():
        (source / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))

    before, start, sales = guess(source).partition("# [[outcomes]]\n")
    sales = re.sub("^# ", "", (start + sales).partition("\n\n")[0], flags=re.MULTILINE)
    report = imported(source, before + sales.replace('"open"', '"converted"'), tmp_path)

    assert (report.exit_code, report.tables["lead_aliases"], report.kinds) == (0, 30, {"page_view": 60})
    assert report.outcomes == {"converted": 10}


def test_guess__reads_dates_that_are_called_fecha(tmp_path: Path) -> None:
    """In Spanish it is any date; in Portuguese a word with these letters is a closing."""
    rows = "".join(
        f"P-{n},Eva {n},Rosa,{n % 28 + 1:02}/05/2026 09:15:00 p. m.,{'Ganado' if n % 3 else 'Perdido'},"
        f'{n % 28 + 1:02}/06/2026 10:00:00 a. m.,"$1,5{n}.00"\n'
        for n in NUMBERS
    )
    names = "ID de prospecto,Nombre del prospecto,Vendedor asignado,Fecha de creación"
    source = tmp_path / "Prospectos.csv"
    source.write_text(f"{names},Estado del prospecto,Fecha de cierre,Monto\n{rows}", encoding="utf-8")

    draft = edited(guess(source), "# Estado del prospecto", Ganado="converted", Perdido="lost")
    report = imported(source, draft, tmp_path)

    assert (report.exit_code, report.outcomes) == (0, {"converted": 20, "lost": 10})
    lead = pq.read_table(tmp_path / "out" / "leads.parquet").to_pylist()[0]
    assert (lead["name"], lead["created_at"].isoformat()) == ("Eva 100", "2026-05-17T21:15:00+00:00")
