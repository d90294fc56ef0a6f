"""A bundle that the code of commit 8662fbc wrote loads today, and answers with the same bits.

Its history was the made-up company of 3,000 leads and seed 7 up to 2025-03-20; five features, two replicas.
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow.parquet as pq
import pytest

from models.bundle.bundle import read_bundle, write_bundle
from models.home.home import Home
from serving.batch.run import score_history
from tests.support.builders import at, history_folder, lead, touch

BUNDLE: Final = Path(__file__).parents[2] / "support" / "fixtures" / "bundle_8662fbc"

LEADS = [
    lead("a", 0.0, account_id="x", source="webinar"),
    lead("b", 3.5, account_id="x", source="referral"),
    lead("c", 20.0, source="paid_search"),
    lead("d", 39.9, source="somewhere_new"),
    lead("e", 10.0, account_id="y", source=None),
    lead("f", 30.0, account_id="y", source="partner"),
]
INTERACTIONS = [
    touch("a", "page_view", 1.25),
    touch("a", "call_inbound", 2.0),
    touch("a", "email_opened", 38.0),
    touch("b", "pricing_page_view", 39.5, direction="inbound"),
    touch("b", "demo_held", 39.75),
    *(touch("c", "page_view", 21.0 + number / 3, direction="inbound") for number in range(20)),
    touch("f", "quote_requested", 39.99, direction="inbound"),
    touch("f", "webinar_attended", 31.0),
]

# As the commit scored these leads at day 40: probability, its plausible range, and the curve at 1 and 7 days.
EXPECTED = {
    "a": "0x1.b003216f9fb0fp-7 0x1.126bace069258p-9 0x1.4125742c63384p-4 0x1.104e9af46867ap-11 "
    "0x1.a84f784a846c3p-9",
    "b": "0x1.73d75d75a6889p-5 0x1.11d2c739f0791p-6 0x1.e0e13effe796dp-4 0x1.a50c6100937e4p-10 "
    "0x1.6432a4b2a1bc0p-7",
    "c": "0x1.c18a335c3e648p-7 0x1.ee98172ec2540p-9 0x1.8e1d5adf0eb12p-5 0x1.11953cd291410p-11 "
    "0x1.d85d4ba5368f5p-9",
    "d": "0x1.d04452a025edap-8 0x1.d7eaefb6805a6p-10 0x1.c1c0931f019aep-6 0x1.39c39d5d1a1e1p-12 "
    "0x1.f5ef6ed3bd96cp-10",
    "e": "0x1.333917bdc9eeep-7 0x1.9a33f40d3b38ep-14 0x1.e9808140aae33p-2 0x1.73907ea267408p-12 "
    "0x1.24377d723b5c3p-9",
    "f": "0x1.565aa8b125946p-5 0x1.9419cb372bbc2p-8 0x1.e08f04406e658p-3 0x1.aa32951cf6531p-10 "
    "0x1.4c097adabf53ap-7",
}
BANDS = {"a": None, "b": "B", "c": "C", "d": "D", "e": None, "f": None}

# Of exp, log, expm1 and log1p on the processor that wrote the bits above; on another kind they may differ.
FUNCTIONS_DIGEST = "ffbf38fa9097284c"


def has_the_same_functions() -> bool:
    x = np.linspace(-12, 3, 1024)
    y = np.abs(x) + 1e-3
    values = np.concatenate([np.exp(x), np.log(y), np.expm1(x), np.log1p(y)])
    return hashlib.sha256(values.tobytes()).hexdigest().startswith(FUNCTIONS_DIGEST)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home as that commit left it."""
    shutil.copytree(BUNDLE, tmp_path / "home" / "bundles" / "1")
    (tmp_path / "home" / "champion").write_text("1\n")
    return Home(tmp_path / "home")


def scores(home: Home, folder: Path) -> dict[str, dict[str, Any]]:
    history = history_folder(folder / "history", LEADS, INTERACTIONS)
    out = folder / "scores.parquet"
    score_history(history, home=home.path, out=out, as_of=at(40.0), scored_at=at(40.0), workers=1)
    return {row["lead_id"]: row for row in pq.read_table(out).to_pylist()}


def test_bundle__written_before_answers_with_the_same_bits(home: Home, tmp_path: Path) -> None:
    rows = scores(home, tmp_path)

    answered = {
        name: [row["probability"], row["probability_low"], row["probability_high"]]
        + [point["probability"] for point in row["curve"][:-1]]
        for name, row in rows.items()
    }
    expected = {name: [float.fromhex(text) for text in bits.split()] for name, bits in EXPECTED.items()}
    assert {name: row["band"] for name, row in rows.items()} == BANDS
    for name, numbers in expected.items():
        assert answered[name] == pytest.approx(numbers, rel=1e-12, abs=0)
    if has_the_same_functions():
        assert answered == expected


def test_bundle__written_before_is_kept_byte_for_byte(tmp_path: Path) -> None:
    write_bundle(tmp_path / "copy", read_bundle(BUNDLE))

    written = {path.name: path.read_bytes() for path in (tmp_path / "copy").iterdir()}
    assert written == {path.name: path.read_bytes() for path in BUNDLE.iterdir()}
