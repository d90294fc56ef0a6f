from __future__ import annotations

import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from features.imports.errors import ImportSourceError
from features.imports.format.map_files import parse_map
from features.imports.guessing.guess import guess
from features.imports.run import import_history
from features.times import parse_time

NOW = parse_time("2026-12-01T00:00:00Z")
FIXTURES = Path(__file__).parents[1] / "fixtures"
SOURCES = sorted(path.parent.name for path in FIXTURES.glob("*/source"))

LEADS = "".join(
    f"{number};{number % 28 + 1:02}/05/2026 10:00;{'Feira' if number % 2 else 'Web'};"
    f"{'Ganho' if number % 3 else 'Perdido'};a{number}@x.pt\n"
    for number in range(100, 140)
)
PORTUGUESE = {
    "Contactos.csv": f"Identificador;Criado em;Origem;Estado;E-mail\n{LEADS}",
    "Chamadas.csv": "Contacto;Data e hora;Tipo\n"
    "101;2026-06-01 09:00:00;Chamada\n102;2026-06-01 09:30:00;Visita\n",
}


def written(tmp_path: Path, files: dict[str, str]) -> Path:
    source = tmp_path / "source"
    source.mkdir()
    for name, text in files.items():
        (source / name).write_text(text, encoding="utf-8")
    return source


def line_of(draft: str, start: str) -> str:
    return next(line for line in draft.splitlines() if line.startswith(start))


def test_guess__reads_names_of_other_languages_and_the_format_of_times(tmp_path: Path) -> None:
    draft = guess(written(tmp_path, PORTUGUESE))

    read = parse_map(draft, "draft")
    assert read.leads[0].lead_id.column == "Identificador"
    assert read.leads[0].created_at.format == ("%d/%m/%Y %H:%M",)
    assert read.leads[0].attributes["origem"].known == "creation"
    assert line_of(draft, '# e_mail = "E-mail"').endswith("left out: it names a person")
    assert read.interactions[0].lead_id.column == "Contacto"
    assert read.interactions[0].kind.values == {"Chamada": "call_outbound", "Visita": "representative_visit"}
    assert read.zone == "UTC"


def test_guess__never_guesses_an_outcome_but_lists_what_may_be_one(tmp_path: Path) -> None:
    draft = guess(written(tmp_path, PORTUGUESE))

    assert parse_map(draft, "draft").outcomes == ()
    # Of 100 to 139, 13 are divisible by 3.
    assert "# Estado: Ganho 27, Perdido 13" in draft
    assert '# outcome = {column = "Estado", values = {"Ganho" = "open", "Perdido" = "open"}}' in draft


def test_guess__runs_once_the_outcomes_are_edited(tmp_path: Path) -> None:
    source = written(tmp_path, PORTUGUESE)
    head, _, outcomes = guess(source).partition("# Estado: ")
    edited = re.sub(r"^# ", "", outcomes.partition("\n")[2], flags=re.MULTILINE)
    edited = edited.replace('"Ganho" = "open"', '"Ganho" = "converted"').replace('"?"', '"Criado em"')
    edited = edited.replace('"Criado em"', '{column = "Criado em", format = "%d/%m/%Y %H:%M"}')
    (tmp_path / "map.toml").write_text(head + edited, encoding="utf-8")

    report = import_history(source, tmp_path / "out", map_name=str(tmp_path / "map.toml"), now=NOW)

    assert report.outcomes == {"converted": 27}
    assert report.kinds == {"call_outbound": 1, "representative_visit": 1}
    assert report.exit_code == 0


def test_guess__says_that_days_and_months_could_be_swapped(tmp_path: Path) -> None:
    files = {"leads.csv": "id,created\n1,03/04/2026\n2,05/06/2026\n"}

    draft = guess(written(tmp_path, files))

    line, _, doubt = line_of(draft, "created_at").partition("  # ")
    assert line == 'created_at = {column = "created", format = "%d/%m/%Y"}'
    assert doubt == "NOT SURE: every cell could also be %m/%d/%Y"


def test_guess__refuses_what_has_no_dates_with_the_sentence_that_says_so(tmp_path: Path) -> None:
    files = {"leads.csv": "Prospect ID,Lead Origin,Converted\np1,API,0\np2,Form,1\n"}

    draft = guess(written(tmp_path, files))

    assert "# created_at: NEVER GUESSED: no column holds times." in draft
    with pytest.raises(Exception, match="without any dates nothing can be learnt about time"):
        parse_map(draft, "draft")


def test_guess__takes_a_log_for_leads_that_begin_with_their_first_row(tmp_path: Path) -> None:
    rows = "1,a,2026-01-02 10:00\n2,a,2026-01-01 10:00\n3,b,2026-01-03 10:00\n"
    source = written(tmp_path, {"calls.csv": f"call,customer,calltime\n{rows}"})
    (tmp_path / "map.toml").write_text(guess(source), encoding="utf-8")

    import_history(source, tmp_path / "out", map_name=str(tmp_path / "map.toml"), now=NOW)

    leads = pq.read_table(tmp_path / "out" / "leads.parquet").to_pylist()
    assert [(row["lead_id"], row["created_at"].day) for row in leads] == [("a", 1), ("b", 3)]


def test_guess__takes_no_table_of_outcomes_for_interactions(tmp_path: Path) -> None:
    rows = "".join(f"{number},2026-05-02 10:00\n" for number in range(100, 130))
    ends = "".join(
        f"{number},{'won' if number % 2 else 'lost'},2026-05-03 10:00\n" for number in range(100, 130)
    )
    files = {"leads.csv": f"id,created\n{rows}", "ends.csv": f"id,how,at\n{ends}"}

    draft = guess(written(tmp_path, files))

    assert parse_map(draft, "draft").interactions == ()
    assert '# outcome = {column = "how", values = {"lost" = "open", "won" = "open"}}' in draft


def test_guess__takes_rows_with_a_time_of_sale_for_outcomes(tmp_path: Path) -> None:
    leads = "".join(f"m{number},2026-05-01,\n" for number in range(100, 140))
    deals = "".join(f"m{number},2026-06-{number - 99:02} 12:00\n" for number in range(100, 125))
    files = {"leads.csv": f"mql_id,first,won on\n{leads}", "deals.csv": f"mql_id,won_date\n{deals}"}

    draft = guess(written(tmp_path, files))

    read = parse_map(draft, "draft")
    assert (read.interactions, read.leads[0].created_at.column) == ((), "first")
    assert '# outcome = {constant = "open"}  # if each row is a sale: "converted"' in draft


def test_guess__takes_no_time_of_closing_for_a_creation(tmp_path: Path) -> None:
    rows = "".join(f"{n},2026-05-{n:02} 01:30 PM,2026-06-{n:02}\n" for n in range(1, 29))

    draft = guess(written(tmp_path, {"leads.csv": f"id,Created at,Won on\n{rows}"}))

    assert parse_map(draft, "draft").leads[0].created_at.column == "Created at"


def test_guess__says_what_a_flat_table_lacks(tmp_path: Path) -> None:
    # Telephone calls of a bank, without persons and years.
    flat = {"bank.csv": "age,day,month,y\n" + "30,5,may,no\n" * 5}

    with pytest.raises(ImportSourceError, match=r"and none has times\. Without any dates"):
        guess(written(tmp_path, flat))


def test_guess__asks_for_the_zone_of_dates_that_are_written_as_midnight_in_utc(tmp_path: Path) -> None:
    files = {"leads.csv": "id,created\n" + "".join(f"{n},2026-05-{n:02}T00:00:00Z\n" for n in range(1, 29))}

    draft = guess(written(tmp_path, files))

    assert 'created_at = {column = "created", format = "date"}' in draft
    assert parse_map(draft, "draft").zone == "UTC"


def test_guess__joins_files_that_differ_by_numbers_only(tmp_path: Path) -> None:
    rows = [f"{number},2026-01-{number % 28 + 1:02} 10:00,Web\n" for number in range(100, 160)]
    files = {
        "leads-2026-01.csv": "id,created,source\n" + "".join(rows[:30]),
        "leads-2026-02.csv": "id,created,source\n" + "".join(rows[30:]),
        "notes-1.csv": "text\na\n",
    }
    source = written(tmp_path, files)
    draft = guess(source)
    (tmp_path / "map.toml").write_text(draft, encoding="utf-8")

    report = import_history(source, tmp_path / "out", map_name=str(tmp_path / "map.toml"), now=NOW)

    assert line_of(draft, "file").startswith('file = "leads-*.csv"')
    assert report.tables["leads"] == 60


def test_guess__leads_through_other_tables(tmp_path: Path) -> None:
    deals = "".join(
        f"{number},{'won' if number % 2 else 'lost'},2026-05-02,7\n" for number in range(900, 930)
    )
    files = {
        "contacts.csv": "id,createdate,source\n"
        + "".join(f"{number},2026-05-01 10:00,Web\n" for number in range(100, 130)),
        "deals.csv": f"id,dealstage,closedate,amount\n{deals}",
        "deal_contact.csv": "deal_id,contact_id\n" + "".join(f"{n + 800},{n}\n" for n in range(100, 130)),
        "calls.csv": "deal_id,start\n" + "".join(f"{n},2026-05-01 12:00\n" for n in range(900, 930)),
    }

    draft = guess(written(tmp_path, files))

    read = parse_map(draft, "draft")
    (join,) = read.interactions[0].join
    assert (join.table, join.on) == ("deal_contact", {"deal_id": "deal_id"})
    assert (read.interactions[0].lead_id.table, read.interactions[0].lead_id.column) == (
        "deal_contact",
        "contact_id",
    )
    assert '# join = [{table = "deal_contact", on = {"deal_id" = "id"}, kind = "inner"}]' in draft


JAPANESE = {
    "リード.csv": "リードID,作成日時,流入元,状態,氏名\n"
    + "".join(
        f"L{number},2026/05/{number % 28 + 1:02} 10:00,展示会,{'成約' if number % 2 else '失注'},名{number}\n"
        for number in range(40)
    ),
    "活動.csv": "リードID,日時,種別,メモ\n"
    + "".join(f"L{number},2026/05/30 10:00,電話,メモ{number}です 。\n" for number in range(40)),
}
# The same by content alone.
MEANINGLESS = {
    "t1.csv": JAPANESE["リード.csv"].replace("リードID,作成日時,流入元,状態,氏名", "c1,c2,c3,c4,c5"),
    "t2.csv": JAPANESE["活動.csv"].replace("リードID,日時,種別,メモ", "c1,c2,c3,c4"),
}


@pytest.mark.parametrize("files", [JAPANESE, MEANINGLESS])
def test_guess__reads_any_alphabet_and_headers_without_meaning(tmp_path: Path, files: dict[str, str]) -> None:
    draft = guess(written(tmp_path, files))

    read = parse_map(draft, "draft")
    first, second = ([*text.partition("\n")[0].split(",")] for text in files.values())
    assert (read.leads[0].lead_id.column, read.leads[0].created_at.column) == (first[0], first[1])
    assert read.leads[0].created_at.format == ("%Y/%m/%d %H:%M",)
    assert (read.interactions[0].lead_id.column, read.interactions[0].occurred_at.column) == tuple(second[:2])
    # Notes are unique, too, and no ids.
    assert read.interactions[0].interaction_id is None
    assert f"# {first[3]}: 失注 20, 成約 20" in draft


def test_guess__refuses_tables_without_ids(tmp_path: Path) -> None:
    with pytest.raises(ImportSourceError, match="No table has a column with an id for every row"):
        guess(written(tmp_path, {"sums.csv": "month,total\n1,5\n1,6\n"}))


@pytest.mark.parametrize("name", SOURCES)
def test_guess__drafts_a_map_that_runs_for_exports_of_many_systems(tmp_path: Path, name: str) -> None:
    draft = guess(FIXTURES / name / "source")
    (tmp_path / "map.toml").write_text(draft, encoding="utf-8")

    report = import_history(
        FIXTURES / name / "source", tmp_path / "out", map_name=str(tmp_path / "map.toml"), now=NOW
    )

    assert report.tables["leads"] > 0
    assert report.outcomes == {}
