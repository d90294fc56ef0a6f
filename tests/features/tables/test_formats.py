"""How columns are written is decided from the whole column, kept in the settings, and applied by models."""

from __future__ import annotations

import random
from pathlib import Path

import pyarrow as pa
import pytest

from features.checks.checked_history import CheckedHistory, read_history
from features.findings.problems import HistoryError
from features.history.settings import HistorySettings
from features.partitions.partitions import open_partitions, write_partitions
from features.tables.formats import cell_to_show
from features.times import format_time
from tests.support.builders import bytes_of

ZONE = 'zone = "UTC"\n'


def write(folder: Path, settings: str = ZONE, **texts: str) -> Path:
    """Writes a history as CSV; tables that are not given have one plain row."""
    folder.mkdir(parents=True, exist_ok=True)
    tables = {
        "leads": "lead_id,created_at\na,2016-01-01T00:00:00Z\n",
        "interactions": "lead_id,kind,occurred_at\na,call_held,2016-01-02T00:00:00Z\n",
        "outcomes": "lead_id,outcome,occurred_at\na,converted,2016-02-01T00:00:00Z\n",
    }
    for name, text in {**tables, **texts}.items():
        (folder / f"{name}.csv").write_text(text)
    (folder / "history.toml").write_text(settings)
    return folder


def test_read_history__a_date_with_one_meaning_decides_for_its_column(tmp_path: Path) -> None:
    leads = 'lead_id,created_at,size\na,03/04/2016 12:00,"1.234"\nb,10/20/2016 12:00,"12,5"\n'

    made = read_history(write(tmp_path, leads=leads)).history

    assert [format_time(us) for us in made.created_at.tolist()] == [
        "2016-03-04T12:00:00Z",
        "2016-10-20T12:00:00Z",
    ]
    assert made.attributes["size"].values.tolist() == [1234.0, 12.5]
    assert made.settings.formats == {"leads": {"created_at": "month/day/year", "size": "1.234,5"}}


@pytest.mark.parametrize(
    ("settings", "leads", "sentence"),
    [
        (
            ZONE,
            "lead_id,created_at\na,03/04/2016\n",
            r'D017 leads\.created_at is written like "03/04/2016", which does not tell the day from the month'
            r"\. Say in history\.toml how the whole column is written: formats\.leads\.created_at = "
            r'"day/month/year", or "month/day/year"\.$',
        ),
        (
            ZONE,
            "lead_id,created_at\na,20/10/2016\nb,10/20/2016\n",
            r'D017 leads\.created_at has both "20/10/2016" and "10/20/2016", which are not of one format\.',
        ),
        (
            ZONE + 'formats.leads.created_at = "day/month/year"\n',
            "lead_id,created_at\na,10/20/2016\n",
            r'D017 leads\.created_at has "10/20/2016", which is not of the format "day/month/year" that',
        ),
        (
            ZONE,
            'lead_id,created_at,annual revenue\na,2016-01-01,"4,088"\n',
            r'D018 leads\.annual revenue is written like "4,088", whose mark may group digits or begin '
            r'decimals\. Say .*: formats\.leads\."annual revenue" = "1,234\.5", or "1\.234,5"\.',
        ),
        (
            ZONE,
            'lead_id,created_at,phone\na,2016-01-01,"4,088"\n',
            r'D018 leads\.phone is written like "9,999", whose mark',
        ),
        (
            ZONE,
            "lead_id,created_at\na,31/31/2016\n",
            r'D010 leads\.created_at is not a time in 1 row, such as "31/31/2016" \(a\)\.',
        ),
        (
            "",
            "lead_id,created_at\na,10/20/2016\n",
            r'D009 .* in which zone they are: zone = "Europe/Amsterdam"\.',
        ),
    ],
)
def test_read_history__says_what_a_cell_looks_like_and_how_to_say_so(
    tmp_path: Path, settings: str, leads: str, sentence: str
) -> None:
    with pytest.raises(HistoryError, match=sentence):
        read_history(write(tmp_path, settings, leads=leads))


def test_read_history__what_is_stated_is_read_so(tmp_path: Path) -> None:
    settings = ZONE + 'formats.leads = { created_at = "day/month/year", size = "1.234,5" }\n'
    leads = 'lead_id,created_at,size\na,03/04/2016 12:00,"4,088"\nb,04/05/2016,1.234\n'

    made = read_history(write(tmp_path, settings, leads=leads)).history

    assert format_time(int(made.created_at[0])) == "2016-04-03T12:00:00Z"
    assert made.attributes["size"].values.tolist() == [4.088, 1234.0]


def test_read_history__changes_are_written_as_their_attribute(tmp_path: Path) -> None:
    leads = 'lead_id,created_at,size\na,2016-01-01T00:00:00Z,"12,5"\n'
    changes = "lead_id,attribute,value,available_at\na,size,1.234,2016-02-01T00:00:00Z\n"

    made = read_history(write(tmp_path, leads=leads, attribute_changes=changes)).history

    later = made.attributes["size"].changes
    assert later is not None
    assert later.values.tolist() == [1234.0]


def test_read_history__a_model_brings_its_formats_along(tmp_path: Path) -> None:
    learnt = write(tmp_path / "past", leads='lead_id,created_at,size\na,2016-01-01T00:00:00Z,"12,5"\n')
    settings = read_history(learnt).history.settings
    tonight = 'lead_id,created_at,size\nb,2016-01-01T00:00:00Z,"4,088"\n'
    machine = "lead_id,created_at,size\nb,2016-01-01T00:00:00Z,12.5\n"

    def read(name: str, leads: str, own: str = "") -> CheckedHistory:
        folder = write(tmp_path / name, own, leads=leads)
        return read_history(folder, settings=settings, attribute_types={"size": "number"})

    assert read("same", tonight).history.attributes["size"].values.tolist() == [4.088]
    with pytest.raises(
        HistoryError, match=r'D018 leads\.size has "12\.5", which is not of the format "1\.234,5" that'
    ):
        read("other", machine)
    own = read("stated", machine, 'formats.leads.size = "1,234.5"\n')
    assert own.history.attributes["size"].values.tolist() == [12.5]


def many_interactions(*, with_proof: bool) -> str:
    """1,000 interactions of 40 leads, of which one alone tells how times and values are written."""
    chance = random.Random(7)
    rows = [
        f'l{n % 40},call_held,0{1 + n % 9}/0{1 + n % 8}/2016,"{chance.randint(1, 9)},{n % 900 + 100}"'
        for n in range(1000)
    ]
    rows += ['l7,call_held,10/20/2016,"1,250.50"'] if with_proof else []
    return "lead_id,kind,occurred_at,value\n" + "\n".join(rows) + "\n"


LEADS = "lead_id,created_at\n" + "".join(f"l{n},2016-01-01T00:00:00Z\n" for n in range(40))


def test_write_partitions__one_cell_decides_for_all_partitions(tmp_path: Path) -> None:
    folder = write(tmp_path / "h", leads=LEADS, interactions=many_interactions(with_proof=True))
    whole = read_history(folder).history

    made = write_partitions(folder, tmp_path / "split", partition_rows=100, workers=1)
    again = open_partitions(tmp_path / "split")

    assert made.layout.count > 5
    assert again is not None
    assert again.layout.settings == whole.settings
    parts = [again.read(number)[0] for number in range(again.layout.count)]
    values = sorted(value for part in parts if part is not None for value in part.interactions.value.tolist())
    times = sorted(us for part in parts if part is not None for us in part.interactions.occurred_at.tolist())
    assert values == sorted(whole.interactions.value.tolist())
    assert times == sorted(whole.interactions.occurred_at.tolist())
    assert min(values) >= 1100


def test_read_history__by_partitions_is_the_same_history(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write(tmp_path / "h", leads=LEADS, interactions=many_interactions(with_proof=True))
    whole = read_history(folder).history
    monkeypatch.setattr("features.partitions.reading.LARGE_ROWS", 10)
    monkeypatch.setattr("features.partitions.reading.PARTITION_ROWS", 100)
    monkeypatch.setattr("features.partitions.pool.cores_count", lambda: 1)

    split = read_history(folder).history

    assert bytes_of(split) == bytes_of(whole)


def test_write_partitions__says_the_same_as_reading_at_once(tmp_path: Path) -> None:
    folder = write(tmp_path / "h", leads=LEADS, interactions=many_interactions(with_proof=False))
    with pytest.raises(HistoryError, match=r"D017 interactions\.occurred_at is written like") as whole:
        read_history(folder)

    with pytest.raises(HistoryError, match=r"D018 interactions\.value is written like") as split:
        write_partitions(folder, tmp_path / "split", partition_rows=100, workers=1)

    assert split.value.problems == whole.value.problems


def test_read_history__of_plain_cells_states_nothing(tmp_path: Path) -> None:
    leads = "lead_id,created_at,size\na,2016-01-01T00:00:00Z,1.234\nb,2016-01-01T00:00:00Z,12.5\n"

    assert read_history(write(tmp_path, "", leads=leads)).history.settings == HistorySettings()


@pytest.mark.parametrize(
    ("column", "cells", "shown"),
    [
        ("size", ["about 50", "1.2.3"], "1.2.3"),
        ("size", ["06 12345678", "jan@example.com"], ""),
        ("phone", ["1.2.3"], ""),
        ("created_at", ["31/31/2016", "yesterday"], "31/31/2016"),
    ],
)
def test_cell_to_show__is_digits_alone_and_never_of_a_person(
    column: str, cells: list[str], shown: str
) -> None:
    assert cell_to_show(column, pa.chunked_array([cells])) == shown


@pytest.mark.parametrize(
    ("cell", "is_shown"),
    [
        ("2025-01-01 12:00:00 CET", True),
        ("2025-01-01 12:00:00 Europe/Amsterdam", True),
        ("1st of January 2025, 12.00", True),
        ("20250101120000", True),
        ("Wed Jan 01 12:00:00 2025", True),
        ("2025-01-01-12.00.00.000000", True),
        ("Monday by Erika Mustermann", False),
        ("call Erika 2025-01-01", False),
        ("+49 30 2025 4711", False),
        ("4111 1111 1111 1111", False),
    ],
)
def test_cell_to_show__of_times_is_what_times_are_made_of(cell: str, is_shown: bool) -> None:
    shown = cell_to_show("occurred_at", pa.chunked_array([[cell]]), is_time=True)

    assert shown == (cell if is_shown else "")
