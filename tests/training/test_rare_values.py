"""What few leads have in common stands in nothing that a training writes, so that erasure can be proven."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from tests.support.builders import change, lead, link, lost, tables, touch, won
from tests.support.small_business import CONFIG, write_business
from training.train import train

LEADS, DAYS = 900, 120.0
# Beginnings of ids, and values of at most 19 leads: no bytes of them may be anywhere.
PLANTED = {
    "lead id": "person-",
    "account id": "company-",
    "alias": "visitor-",
    "id of an interaction": "event-",
    "text of its own": "nickname-",
    "e-mail address": "jane.doe@",
    "category of 19 leads": "Rareland",
    "category of 5 leads": "Tinyland",
    "changed category": "Newland",
    "channel": "pigeonpost",
    "campaign": "secretgala",
    "source": "oldtracker",
    "kind of 19 leads": "odd_event",
    "kind of 3 leads": "unheard_event",
    "reason of an outcome": "quarrelled",
}
# Of many leads: the model knows it, and the search finds it.
COMMON = "Commonland"


def _company(folder: Path) -> Path:
    """A small business in which 19 early leads, open to the end, have the values that nothing may name."""
    rng = np.random.default_rng(3)
    leads, touches, ends, changes, aliases = [], [], [], [], []
    for number in range(LEADS):
        name, is_rare, is_keen = f"person-{number:03}", number < 19, rng.random() < 0.3
        created = float(rng.random() * (DAYS / 2 if is_rare else DAYS))
        few = "Tinyland" if number < 5 else "Rareland"
        leads.append(
            lead(
                name,
                created,
                country=[COMMON, "fr", "nl"][number % 3],
                region=few if is_rare else ["north", "south"][number % 2],
                territory="Rareland" if is_rare else ["east", "west"][number % 5 == 0],
                email=f"jane.doe@{number}.example",
                nickname=f"nickname-{number}",
                size=int(rng.integers(1, 500)),
                account_id=f"company-{number // 2}",
            )
        )
        said = {"source": "oldtracker" if is_rare else "crm", "interaction_id": f"event-{number}"}
        said["channel"] = "pigeonpost" if is_rare else ["web", "phone"][number % 7 == 0]
        said["campaign"] = "secretgala" if is_rare else ["spring", "autumn"][number % 2]
        touches.append(touch(name, "page_viewed", created, **said))
        touches.append(touch(name, "demo_requested" if is_keen else "page_viewed", created + rng.random()))
        touches += [touch(name, "odd_event", created + 2, channel="pigeonpost") for _ in range(int(is_rare))]
        touches += [touch(name, "unheard_event", created + day) for day in range(5 * (number < 3))]
        # Each category tells something, so that the model keeps it.
        likely = (
            0.1 + 0.15 * is_keen + 0.25 * (number % 3 == 0) + 0.25 * (number % 2) + 0.2 * (number % 5 == 0)
        )
        likely += 0.15 * (number % 7 == 0)
        end, chance = created + float(rng.exponential(10.0)) + 0.1, rng.random()
        if is_rare:
            changes.append(change(name, "territory", "Newland", created + 5))
            aliases.append(link(f"visitor-{number}", name, created + 2))
        elif end < DAYS and chance < likely:
            ends.append(won(name, end, amount=100.0, reason="quarrelled" if number < 30 else "bought"))
        elif end < DAYS and chance < 0.9:
            ends.append(lost(name, end, reason="quarrelled" if number < 30 else "silent"))
    return write_business(folder, tables(leads, touches, ends, changes, aliases))


def _contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder; those of archives one by one, as their bytes are packed."""
    found = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                found |= {f"{path.name}/{name}": archive.read(name) for name in archive.namelist()}
        else:
            found[str(path.relative_to(folder))] = path.read_bytes()
    return found


def _naming(contents: dict[str, bytes], text: str) -> list[str]:
    """Files that hold a text, as bytes or as NumPy writes it."""
    forms = [text.encode(), text.encode("utf-32-le"), text.encode("utf-16-le")]
    return [name for name, content in contents.items() if any(form in content for form in forms)]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """All that a training leaves in its home: bundle, report, plots, MLflow's database and artifacts."""
    folder = tmp_path_factory.mktemp("rare")
    # No bin is too small, so that nothing but the rule keeps a value out.
    config = CONFIG.model_copy(
        update={
            "min_bin_examples": 1,
            "segments": ("country", "region"),
            "fairness_attributes": ("territory",),
            "accepted_codes": ("D057",),
        }
    )
    train(_company(folder / "history"), home=folder / "home", config=config, promote=True)
    return _contents(folder / "home")


def test_train__names_common_values_where_the_search_looks(written: dict[str, bytes]) -> None:
    naming = {name.rpartition("/")[2] for name in _naming(written, COMMON)}

    assert naming >= {"report.html", "figures.json", "card.json", "scorecard.json", "input_example.json"}
    assert _naming(written, "demo_requested")


@pytest.mark.parametrize("planted", PLANTED)
def test_train__leaves_no_trace_of_what_few_leads_have(written: dict[str, bytes], planted: str) -> None:
    assert _naming(written, PLANTED[planted]) == []
