"""A bundle comes back bit for bit, and every fault in it is refused with a sentence of its own."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from features.catalog.spec import Feature, FeatureSet
from features.errors import LeadOddsError
from models.bundle.bundle import Bundle, read_bundle, write_bundle
from models.bundle.tables_file import pack, unpack
from models.errors import (
    BundleContentError,
    BundleError,
    BundleFileError,
    FolderExistsError,
    MismatchError,
    NoBundleError,
    WriteError,
)
from models.scorecard.prediction import interval
from models.scorecard.scorecard import EVEN_RANGES, Scorecard
from models.scorecard.scoring import probabilities
from tests.support.scorecards import bundle_with, random_codes, random_scorecard

SMALL = bundle_with(
    random_scorecard(features=3, pairs=1, time_bins=2, replicas=2),
    metrics={"auc": {"value": 0.7, "low": None, "high": 0.8, "n": 900}},
    notes=("Größe fehlt bei 12 % der Leads.",),
)

# How ranges were made before the second rule.
EVEN = {"range_rule": EVEN_RANGES, "shrinkage": None}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_bundle(tmp_path / "1", SMALL)
    return tmp_path / "1"


def write_digests(folder: Path) -> None:
    """Makes the digests fit what now lies in the folder, as a forger would."""
    files = [path for path in folder.iterdir() if path.name != "digests.json"]
    digests = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    (folder / "digests.json").write_text(json.dumps(digests))


def change_json(folder: Path, name: str, change: Callable[[Any], Any]) -> None:
    record = json.loads((folder / name).read_text())
    changed = change(record)
    (folder / name).write_text(json.dumps(record if changed is None else changed))
    write_digests(folder)


def change_arrays(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    arrays = unpack((folder / "scorecard.npz").read_bytes())
    change(arrays)
    (folder / "scorecard.npz").write_bytes(pack(arrays))
    write_digests(folder)


@pytest.mark.parametrize("changes", [{}, EVEN], ids=["today", "before"])
def test_read_bundle__gives_back_what_was_written(tmp_path: Path, changes: dict[str, Any]) -> None:
    scorecard = replace(SMALL.scorecard, **changes)
    codes = random_codes(scorecard, 1_000)

    write_bundle(tmp_path / "1", replace(SMALL, scorecard=scorecard))
    read = read_bundle(tmp_path / "1")

    assert read.card == SMALL.card
    assert read.feature_set == SMALL.feature_set
    assert ("range_rule" in json.loads((tmp_path / "1" / "scorecard.json").read_text())) is not bool(changes)
    assert np.array_equal(probabilities(read.scorecard, codes), probabilities(scorecard, codes))
    assert np.array_equal(np.array(interval(read.scorecard, codes)), np.array(interval(scorecard, codes)))


def test_read_bundle__same_bits_in_a_new_process(tmp_path: Path) -> None:
    bundle = bundle_with(random_scorecard())
    write_bundle(tmp_path / "1", bundle)
    codes = random_codes(bundle.scorecard, 1_000)
    np.save(tmp_path / "codes.npy", codes)
    program = (
        "import sys, numpy as np; from pathlib import Path\n"
        "from models.bundle.bundle import read_bundle; from models.scorecard.scoring import probabilities\n"
        "home = Path(sys.argv[1]); codes = np.load(home / 'codes.npy')\n"
        "sys.stdout.buffer.write(probabilities(read_bundle(home / '1').scorecard, codes).tobytes())\n"
    )

    answered = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], check=True, capture_output=True, cwd=Path.cwd()
    )

    assert answered.stdout == probabilities(bundle.scorecard, codes).tobytes()


def test_write_bundle__same_bytes_every_time(tmp_path: Path) -> None:
    for name in ("1", "2"):
        write_bundle(tmp_path / name, bundle_with(random_scorecard(features=3, pairs=1)))

    first, second = ({p.name: p.read_bytes() for p in (tmp_path / name).iterdir()} for name in ("1", "2"))

    assert first == second
    assert {*first} == {"card.json", "digests.json", "features.json", "scorecard.json", "scorecard.npz"}


def test_write_bundle__numbers_are_written_exactly(tmp_path: Path) -> None:
    edges = np.sort(np.random.default_rng(0).normal(size=200) * 10.0 ** np.arange(-100, 100))
    edges = np.unique(np.append(edges, [0.1 + 0.2, 5e-324, 1.7976931348623157e308]))
    scorecard = random_scorecard(features=1, pairs=0)
    bins = type(scorecard.bins[0])("f0", "number", edges)
    term = type(scorecard.terms[0])((0,), np.random.default_rng(1).normal(size=(bins.codes_count, 8)))
    exact = Scorecard(
        (bins,), scorecard.time_edges_days, 30.0, (term,), scorecard.average, level_shift=0.1 + 0.2
    )

    write_bundle(tmp_path / "1", bundle_with(exact))
    read = read_bundle(tmp_path / "1").scorecard

    assert read.bins[0].edges.tobytes() == edges.tobytes()
    assert read.terms[0].table.tobytes() == term.table.tobytes()
    assert read.level_shift == 0.1 + 0.2


def test_write_bundle__digests_are_lower_case_sha256(folder: Path) -> None:
    digests = json.loads((folder / "digests.json").read_text())

    for name, digest in digests.items():
        assert digest == hashlib.sha256((folder / name).read_bytes()).hexdigest()


def test_write_bundle__never_writes_over_a_folder(folder: Path) -> None:
    with pytest.raises(FolderExistsError, match=r"exists already\. Bundles are never overwritten"):
        write_bundle(folder, SMALL)


def test_write_bundle__full_disk_leaves_nothing(tmp_path: Path) -> None:
    # A limit of 1,000 bytes a file stands for a full disk: a write fails in the middle.
    program = (
        "import resource, sys; from pathlib import Path\n"
        "from models.errors import WriteError; from models.bundle.bundle import read_bundle, write_bundle\n"
        "bundle = read_bundle(Path(sys.argv[1]))\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, 1_000))\n"
        "try: write_bundle(Path(sys.argv[2]), bundle)\n"
        "except WriteError as error: print(error)\n"
    )
    write_bundle(tmp_path / "1", SMALL)

    output = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "1"), str(tmp_path / "2")],
        check=True, capture_output=True, text=True, cwd=Path.cwd(),
    ).stdout  # fmt: skip

    assert "could not be written: File too large. Nothing was changed" in output
    assert [path.name for path in tmp_path.iterdir()] == ["1"]


def test_write_bundle__place_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(WriteError, match=r"could not be written: Not a directory"):
        write_bundle(tmp_path / "file" / "1", SMALL)


@pytest.mark.parametrize("place", ["absent", "file"])
def test_read_bundle__no_bundle_there(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(NoBundleError, match=f"There is no bundle in .*{place}"):
        read_bundle(tmp_path / place)


FILES = ("card.json", "features.json", "scorecard.json", "scorecard.npz")


@pytest.mark.parametrize("name", FILES)
def test_read_bundle__missing_file(folder: Path, name: str) -> None:
    (folder / name).unlink()

    with pytest.raises(BundleFileError, match=f"not as it was written: {name} is listed in .* but missing"):
        read_bundle(folder)


@pytest.mark.parametrize("name", FILES)
def test_read_bundle__empty_file(folder: Path, name: str) -> None:
    (folder / name).write_bytes(b"")
    write_digests(folder)  # even where the digest says so

    with pytest.raises(BundleFileError, match=f"{name} is empty"):
        read_bundle(folder)


@pytest.mark.parametrize("name", FILES)
def test_read_bundle__changed_file_is_refused_before_it_is_parsed(folder: Path, name: str) -> None:
    (folder / name).write_bytes(b"\x00 not what was written")

    with pytest.raises(BundleFileError, match=f"{name} has the digest [0-9a-f]{{64}}, not [0-9a-f]{{64}}"):
        read_bundle(folder)


@pytest.mark.parametrize("name", ["model.pkl", ".hidden", "card.json.bak"])
def test_read_bundle__unlisted_file(folder: Path, name: str) -> None:
    (folder / name).write_text("something")

    with pytest.raises(BundleFileError, match=f"{name} is not listed"):
        read_bundle(folder)


def test_read_bundle__folder_inside(folder: Path) -> None:
    (folder / "code").mkdir()

    with pytest.raises(BundleFileError, match="code is not listed"):
        read_bundle(folder)


def test_read_bundle__digest_in_capitals_is_another_digest(folder: Path) -> None:
    digests = json.loads((folder / "digests.json").read_text())
    digests["card.json"] = digests["card.json"].upper()
    (folder / "digests.json").write_text(json.dumps(digests))

    with pytest.raises(BundleFileError, match=r"card\.json has the digest"):
        read_bundle(folder)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "digests.json cannot be read"),
        ("[]", "digests.json is not an object of digests by file"),
        ('{"card.json": 3}', "digests.json is not an object of digests by file"),
        ("{}", "digests.json does not list card.json"),
        ("\ud800", "digests.json cannot be read"),
    ],
)
def test_read_bundle__digests_that_cannot_be_used(folder: Path, text: str, sentence: str) -> None:
    (folder / "digests.json").write_bytes(text.encode(errors="surrogatepass"))

    with pytest.raises(BundleContentError, match=sentence):
        read_bundle(folder)


def test_read_bundle__listed_file_that_no_bundle_has(folder: Path) -> None:
    (folder / "model.pkl").write_text("something")
    write_digests(folder)

    with pytest.raises(BundleContentError, match=r"digests.json lists model.pkl, which no bundle has"):
        read_bundle(folder)


JSON_FAULTS: list[tuple[str, Callable[[Any], Any], str]] = [
    (
        "card.json",
        lambda r: r.update(format_version=99),
        "format version is 99, and this LeadOdds reads format version 1",
    ),
    ("card.json", lambda r: r.pop("format_version") and None, "format version is None"),
    ("card.json", lambda r: r.update(format_version="1"), "format version is '1'"),
    ("card.json", lambda r: r.update(horizon_days="thirty"), "horizon_days cannot be read"),
    (
        "card.json",
        lambda r: r.update(horizon_days="30"),
        "horizon_days is unknown, missing, or not written as",
    ),
    (
        "card.json",
        lambda r: r.update(observed_until="2026-01-01"),
        "observed_until is '2026-01-01', which is not a time",
    ),
    (
        "card.json",
        lambda r: r.pop("feature_set") and None,
        "feature_set cannot be read: Missing|feature_set cannot",
    ),
    ("card.json", lambda r: r.update(surprise=1), "surprise"),
    ("card.json", lambda r: r.update(bands=[{"name": "A", "at_least": 0.1}]), "bands have the limits"),
    (
        "card.json",
        lambda r: r.update(horizon_days=7.0),
        "main horizon is 7.0 in one file and 30.0 in another",
    ),
    ("card.json", lambda r: r.update(feature_set="0" * 12), "feature set is '000000000000' in one file"),
    ("card.json", lambda r: r.update(time_edges_days=[0.0, 30.0]), "time edges is .* in one file"),
    ("card.json", lambda _: [], "card is not an object"),
    (
        "features.json",
        lambda r: r[0].update(measure="gut_feeling"),
        "'f0' has measure 'gut_feeling'|gut_feeling",
    ),
    ("features.json", lambda r: r[0].update(colour="red"), "has a field 'colour' that is not known"),
    ("features.json", lambda _: {}, "features.json cannot be used"),
    ("features.json", lambda r: r[1:], "feature set is .* in one file"),
    ("scorecard.json", lambda r: r.pop("bins") and None, "scorecard.json lacks '"),
    (
        "scorecard.json",
        lambda r: r["bins"][0]["edges"].reverse() or r["bins"][0]["edges"].append(-9e9),
        "do not rise",
    ),
    ("scorecard.json", lambda r: r["bins"][1].update(type="colour"), "scorecard.json|type of f1"),
    ("scorecard.json", lambda r: r["bins"][0].update(name="f9"), "lacks 'f0'"),
    ("scorecard.json", lambda r: r["terms"].pop() and None, "does not name the arrays that are there"),
    ("scorecard.json", lambda r: r["terms"].append(["f0"]), "scorecard.json lacks '"),
    (
        "scorecard.json",
        lambda r: r["terms"].append(["f0", "f1", "f2"]),
        "scorecard.json lacks '",
    ),
    (
        "scorecard.json",
        lambda r: r.update(time_edges_days=[0.0, 30.0, 15.0]),
        "time edges should be days that rise",
    ),
    (
        "scorecard.json",
        lambda r: r.update(time_edges_days=[0.0, 15.0, 30.0, 45.0]),
        "average should be float64 of shape",
    ),
    ("scorecard.json", lambda r: r.update(level_shift="much"), "scorecard.json"),
    ("scorecard.json", lambda r: r.update(replicas=3), "unknown, missing, or not written as LeadOdds writes"),
    ("scorecard.json", lambda r: r.update(surprise=1), "unknown, missing, or not written as LeadOdds writes"),
    ("scorecard.json", lambda r: [r], "scorecard.json cannot be read"),
    ("scorecard.json", lambda r: r["bins"][0].update(edges=[float("nan")]), "do not rise"),
]


@pytest.mark.parametrize(("name", "change", "sentence"), JSON_FAULTS, ids=range(len(JSON_FAULTS)))
def test_read_bundle__forged_text_is_refused(
    folder: Path, name: str, change: Callable[[Any], Any], sentence: str
) -> None:
    change_json(folder, name, change)

    with pytest.raises(BundleError, match=sentence) as caught:
        read_bundle(folder)
    assert caught.value.exit_code == 2
    assert str(folder) in str(caught.value)


@pytest.mark.parametrize("name", ["card.json", "features.json", "scorecard.json"])
@pytest.mark.parametrize("content", [b"{", b"\xff\xfe", b"[" * 100_000, b"null"])
def test_read_bundle__text_that_does_not_parse(folder: Path, name: str, content: bytes) -> None:
    (folder / name).write_bytes(content)
    write_digests(folder)

    with pytest.raises(BundleContentError, match=f"{name} cannot be"):
        read_bundle(folder)


def set_nan(arrays: dict[str, Any]) -> None:
    arrays["term_000"][1, 0] = np.nan


ARRAY_FAULTS: list[tuple[Callable[[dict[str, Any]], Any], str]] = [
    (set_nan, "table of f0 should be finite numbers, but is partly NaN or infinite"),
    (lambda a: a.update(term_000=a["term_000"][:-1]), "table of f0 should be float64 of shape"),
    (
        lambda a: a.update(term_003=a["term_003"].transpose(1, 0, 2)),
        "table of f0 x f1 should be float64 of shape",
    ),
    (lambda a: a.update(average=a["average"][:1]), "average should be float64 of shape"),
    (lambda a: a.update(average=np.full(2, np.inf)), "average should be finite numbers"),
    (lambda a: a.pop("average"), "lacks 'average'"),
    (lambda a: a.pop("term_001"), "lacks 'term_001'"),
    (lambda a: a.update(term_099=np.zeros(3)), "does not name the arrays that are there"),
    (lambda a: a.pop("replica_average"), "unknown, missing, or not written as LeadOdds writes"),
    (
        lambda a: a.update(replica_term_000=a["replica_term_000"][:, :-1]),
        "table of f0 of replica 0 should be",
    ),
    (lambda a: a.update(replica_term_000=a["replica_term_000"][:1]), "replicas are not equally many"),
    (lambda a: a.update(replica_average=np.array([1.0])), "replicas are not equally many"),
]


@pytest.mark.parametrize(("change", "sentence"), ARRAY_FAULTS, ids=range(len(ARRAY_FAULTS)))
def test_read_bundle__forged_tables_are_refused(
    folder: Path, change: Callable[[dict[str, Any]], Any], sentence: str
) -> None:
    change_arrays(folder, change)

    with pytest.raises(BundleContentError, match=sentence):
        read_bundle(folder)


def npz_of(member: bytes, *, compression: int = zipfile.ZIP_STORED) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", compression) as archive:
        archive.writestr("average.npy", member)
    return packed.getvalue()


def npy_of(array: Any, **options: Any) -> bytes:
    member = io.BytesIO()
    np.save(member, array, **options)
    return member.getvalue()


class Payload:
    """Would leave a trace if it were ever unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("unpickled",)


def huge_member() -> bytes:
    member = io.BytesIO()
    header = {"descr": "<f8", "fortran_order": False, "shape": (2**50,)}
    np.lib.format.write_array_header_1_0(member, header)
    return member.getvalue()


TABLE_FILES: list[tuple[bytes, str]] = [
    (b"not a zip", "not a file of arrays"),
    (npz_of(b"not an array"), "magic string is not correct"),
    (npz_of(npy_of(np.array([Payload()]), allow_pickle=True)), "Object arrays cannot be loaded"),
    (npz_of(npy_of(np.zeros(2, dtype=np.float32))), "holds float32, not float64"),
    (npz_of(npy_of(np.zeros(2)), compression=zipfile.ZIP_DEFLATED), "is compressed"),
    (npz_of(huge_member()), "scorecard.npz cannot be read"),
    (npz_of(npy_of(np.zeros(2)))[:-30], "not a file of arrays"),
]


@pytest.mark.parametrize(("content", "sentence"), TABLE_FILES, ids=range(len(TABLE_FILES)))
def test_read_bundle__file_of_tables_that_is_none(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes, sentence: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (folder / "scorecard.npz").write_bytes(content)
    write_digests(folder)

    with pytest.raises(BundleContentError, match=sentence):
        read_bundle(folder)
    assert not (tmp_path / "unpickled").exists()


def test_bundle__refuses_parts_of_different_models() -> None:
    other = FeatureSet((Feature("f0", "count", "Another", type="number"),))

    with pytest.raises(MismatchError, match="the feature set is"):
        Bundle(SMALL.card, other, SMALL.scorecard)


def test_with_version__changes_the_card_alone(tmp_path: Path) -> None:
    write_bundle(tmp_path / "1", SMALL)
    write_bundle(tmp_path / "2", SMALL.with_version("12"))

    differing = [
        name for name in FILES if (tmp_path / "1" / name).read_bytes() != (tmp_path / "2" / name).read_bytes()
    ]

    assert differing == ["card.json"]
    assert read_bundle(tmp_path / "2").version == "12"
    assert issubclass(BundleError, LeadOddsError)
