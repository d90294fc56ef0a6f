"""The table `[alerts]`, and where addresses and secrets come from."""

from __future__ import annotations

from pathlib import Path

import pytest

from features.errors import LeadOddsError
from serving.alerts.config import AlertsConfigError, HookConfig, read_alerts_config, read_target, read_targets
from serving.outgoing.credentials import MissingCredentialError
from serving.server import serve
from tests.support.crm.hook_receiver import KEY, SECRET
from tests.support.small_models import home_with, small_bundle
from training.config import TrainingConfig

_TOML = """
seed = 7

[alerts]
waiting_hours = 24
page = "https://leads.example.com"

[alerts.hooks.sales]
form = "slack"
kinds = ["entered", "waiting"]
territories = ["DACH"]

[alerts.hooks.crm]
"""


def test_read_alerts_config__reads_its_table_of_the_one_file_that_trainings_read_too(tmp_path: Path) -> None:
    path = tmp_path / "leadodds.toml"
    path.write_text(_TOML)

    config = read_alerts_config(path)

    assert config is not None
    assert config.waiting_hours == 24
    assert [*config.hooks] == ["sales", "crm"]
    assert config.hooks["crm"].kinds == ("entered", "left", "waiting", "verdict")
    assert TrainingConfig.from_toml(path).seed == 7


def test_read_alerts_config__without_a_file_or_its_table_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert read_alerts_config(None) is None
    Path("leadodds.toml").write_text("seed = 7\n")
    assert read_alerts_config(None) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[alerts]\nwaiting = 3", "waiting"),
        ("[alerts]\nwaiting_hours = 0", "waiting_hours"),
        ("[alerts]\npage = 'leads'", "https://leads.example.com"),
        ("[alerts.hooks.Sales]", "hooks.Sales"),
        ("[alerts.hooks.sales]\nurl = 'https://hooks.example.com/secret'", "hooks.sales.url"),
        ("[alerts.hooks.sales]\nkinds = ['won']", "hooks.sales.kinds.0"),
        ("[alerts", "end of document"),
    ],
)
def test_read_alerts_config__refuses_what_it_does_not_know(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "other.toml"
    path.write_text(text)

    with pytest.raises(AlertsConfigError, match=r"other\.toml") as refused:
        read_alerts_config(path)

    assert said in str(refused.value)
    # An address is a secret, and in no message.
    assert "hooks.example.com" not in str(refused.value)


def test_hook__takes_alerts_of_its_kinds_owners_and_territories() -> None:
    hook = HookConfig(kinds=("entered", "verdict"), owners=("Jo",), territories=("DACH", "UK"))

    assert hook.takes("entered", owner="Jo", territory="UK")
    assert hook.takes("verdict")
    assert not hook.takes("left", owner="Jo", territory="UK")
    assert not hook.takes("entered", owner="Al", territory="UK")
    assert not hook.takes("entered", owner="Jo")


def test_read_targets__takes_secrets_from_the_environment_or_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "toml").write_text(_TOML)
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    monkeypatch.setenv("LEADODDS_ALERTS_SALES_URL", "https://hooks.slack.com/services/T/B/x")
    monkeypatch.setenv("LEADODDS_ALERTS_CRM_URL", "http://127.0.0.1:9/hook")
    monkeypatch.setenv("LEADODDS_ALERTS_CRM_SECRET_FILE", str(tmp_path / "secret"))
    config = read_alerts_config(tmp_path / "toml")
    assert config is not None

    targets = read_targets(config)

    assert (targets["sales"].secrets, targets["crm"].secrets) == ((), (KEY,))
    assert targets["crm"].url == "http://127.0.0.1:9/hook"


@pytest.mark.parametrize(
    ("url", "secret", "said"),
    [
        ("", SECRET, "LEADODDS_ALERTS_CRM_URL is not set"),
        ("http://hooks.example.com/x", SECRET, "LEADODDS_ALERTS_CRM_URL has to be"),
        ("https://hooks.example.com/x", "", "LEADODDS_ALERTS_CRM_SECRET is not set"),
        ("https://hooks.example.com/x", "hush", "LEADODDS_ALERTS_CRM_SECRET has to be"),
    ],
)
def test_read_target__names_the_variable_and_never_its_value(
    url: str, secret: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEADODDS_ALERTS_CRM_URL", url)
    monkeypatch.setenv("LEADODDS_ALERTS_CRM_SECRET", secret)

    with pytest.raises(LeadOddsError, match=said) as refused:
        read_target("crm", HookConfig())

    assert "hooks.example.com" not in str(refused.value)
    assert "hush" not in str(refused.value)


def test_serve__refuses_hooks_that_could_be_sent_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = home_with(tmp_path / "home", small_bundle()).path
    (tmp_path / "alerts.toml").write_text("[alerts.hooks.crm]\n")
    monkeypatch.setenv("LEADODDS_CONFIG", str(tmp_path / "alerts.toml"))
    monkeypatch.delenv("LEADODDS_ALERTS_CRM_URL", raising=False)

    with pytest.raises(MissingCredentialError, match="LEADODDS_ALERTS_CRM_URL is not set"):
        serve(home=home, port=0)

    # Before a database is made.
    assert not (home / "service.db").exists()
