"""Maps of what is written where, and the secrets that go with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from serving.outgoing.client import TargetClient, TargetError
from serving.outgoing.credentials import MissingCredentialError, credential
from serving.writeback.target_map import TargetMapError, read_target_map

CRMS = ("hubspot", "salesforce", "dynamics", "odoo")


@pytest.mark.parametrize("crm", CRMS)
def test_read_target_map__has_a_map_of_each_crm_with_what_a_salesperson_needs(crm: str) -> None:
    found = read_target_map(crm, None, url="https://crm.example.com")

    wanted = {"probability_percent", "band", "stage", "reasons", "horizon_days", "as_of", "model_version"}
    assert {*found.fields.values()} == wanted


@pytest.mark.parametrize(
    ("crm", "text", "sentence"),
    [
        ("odoo", '[fields]\nprobability = "probability_percent"', "Odoo's own prediction"),
        ("hubspot", '[fields]\nchance = "probability"', "fields.chance is 'probability'; a score has"),
        ("hubspot", '[fields]\nchance = "link"', "a link needs `page`"),
        ("hubspot", '[fields]\n"a b" = "band"', "fields"),
        ("hubspot", "requests_per_second = 0", "requests_per_second: Input should be greater than 0"),
        ("hubspot", "colour = 1", "colour: Extra inputs are not permitted"),
        ("hubspot", 'id_field = "leadodds_band"', "leadodds_band is the id_field"),
        ("hubspot", 'crm = "odoo"', "it is for odoo, not for hubspot"),
        ("hubspot", "colour", "Expected"),
        ("salesforce", "", "it has no url"),
    ],
)
def test_read_target_map__says_what_is_wrong(crm: str, text: str, sentence: str, tmp_path: Path) -> None:
    path = tmp_path / "map.toml"
    path.write_text(text)

    with pytest.raises(TargetMapError, match=sentence):
        read_target_map(crm, path)


def test_read_target_map__says_that_there_is_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(TargetMapError, match="No such file"):
        read_target_map("hubspot", tmp_path / "map.toml")


@pytest.mark.parametrize("url", ["http://crm.example.com", "crm.example.com", "ftp://crm.example.com", ""])
def test_target_client__sends_no_token_unencrypted(url: str) -> None:
    with pytest.raises(TargetError, match="its url must be like https://"):
        TargetClient(url, sign=lambda _: {}, requests_per_second=1)


def test_credential__comes_from_the_environment_or_a_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(MissingCredentialError, match=r"LEADODDS_X is not set\. Set it, or LEADODDS_X_FILE"):
        credential("LEADODDS_X")

    file = tmp_path / "key"
    monkeypatch.setenv("LEADODDS_X_FILE", str(file))
    with pytest.raises(MissingCredentialError, match="cannot be read"):
        credential("LEADODDS_X")
    file.write_text(" \n")
    with pytest.raises(MissingCredentialError, match="is in a file that is empty"):
        credential("LEADODDS_X")
    file.write_text("from the file\n")
    assert credential("LEADODDS_X") == "from the file"
    monkeypatch.setenv("LEADODDS_X", "from the environment")
    assert credential("LEADODDS_X") == "from the environment"
