from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from training.bundling.build import recorded_config
from training.config import ConfigError, TrainingConfig
from training.monitor_limits import MonitorLimits


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "leadodds.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_from_toml__keeps_defaults_of_absent_keys(tmp_path: Path) -> None:
    config = TrainingConfig.from_toml(written(tmp_path, "seed = 3\ntime_edges_days = [0, 7, 30.5]\n"))

    assert config == TrainingConfig(seed=3, time_edges_days=(0, 7, 30.5))


def test_from_toml__lists_every_fault(tmp_path: Path) -> None:
    path = written(tmp_path, "sed = 3\ngrid_spacing_days = 90\n")

    with pytest.raises(
        ConfigError,
        match=r"(?s)1\. grid_spacing_days: .*2\. sed is no key of the configuration; did you mean seed\?",
    ):
        TrainingConfig.from_toml(path)


def test_from_toml__reads_a_renamed_key_by_its_old_name(tmp_path: Path) -> None:
    config = TrainingConfig.from_toml(written(tmp_path, "learn_from_days = 180\n"))

    assert config == TrainingConfig(training_window_days=180)
    assert "learn_from_days" not in config.model_dump()


def test_training_config__of_a_card_written_before_is_read() -> None:
    fixtures = Path(__file__).parents[1] / "support" / "fixtures"
    card = json.loads((fixtures / "bundle_8662fbc" / "card.json").read_text())

    config = TrainingConfig.model_validate(card["config"])

    assert "learn_from_days" in card["config"]
    assert recorded_config(config) == {
        **{name: value for name, value in card["config"].items() if name != "learn_from_days"},
        "training_window_days": None,
        "accept_insufficient": False,
        "full": False,
        "count_machine_made": False,
        "held_out_share": 0.0,
        "fairness_attributes": [],
        "protected_attributes": [],
    }


def test_from_toml__refuses_a_renamed_key_under_both_names(tmp_path: Path) -> None:
    path = written(tmp_path, "learn_from_days = 180\ntraining_window_days = 90\n")

    with pytest.raises(ConfigError, match=r"learn_from_days is the old name of training_window_days; keep"):
        TrainingConfig.from_toml(path)


def test_from_toml__faults_of_a_renamed_key_name_the_present_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"1\. training_window_days: Input should be greater than 0"):
        TrainingConfig.from_toml(written(tmp_path, "learn_from_days = -1\n"))


@pytest.mark.parametrize("text", ["seed = = 3", "seed = 1\nseed = 2\n"])
def test_from_toml__refuses_what_is_not_toml(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match="cannot be used"):
        TrainingConfig.from_toml(written(tmp_path, text))


def test_from_toml__refuses_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        TrainingConfig.from_toml(tmp_path / "absent.toml")


@pytest.mark.parametrize("edges", [(0,), (1, 2), (0, 3, 3), (0, 5, 2), (0, float("inf"))])
def test_training_config__edges_rise_from_zero(edges: tuple[float, ...]) -> None:
    with pytest.raises(ValidationError, match="the edges must start at 0 and rise"):
        TrainingConfig(time_edges_days=edges, horizon_days=1)


def test_training_config__horizon_lies_within_the_edges() -> None:
    with pytest.raises(ValidationError, match="horizon_days is 91"):
        TrainingConfig(horizon_days=91)


@pytest.mark.parametrize("bands", [(0.1, 0.2, 0.3), (1.0, 0.2, 0.1), (0.3, 0.2, 0.0)])
def test_training_config__bands_fall(bands: tuple[float, float, float]) -> None:
    with pytest.raises(ValidationError, match="the limits must fall from A to C"):
        TrainingConfig(bands=bands)


def test_training_config__every_key_says_what_it_is_for() -> None:
    unsaid = [name for name, field in TrainingConfig.model_fields.items() if not field.description]

    assert unsaid == []


def test_from_toml__names_no_key_where_none_is_near(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"1\. xyzzy is no key of the configuration\n"):
        TrainingConfig.from_toml(written(tmp_path, "xyzzy = 3\n"))


@pytest.mark.parametrize("code", ["D012", "D050", "D058", "d055"])
def test_training_config__nobody_can_answer_for_other_codes(code: str) -> None:
    with pytest.raises(ValidationError, match=f"{code} cannot be accepted, only D055, D056, D057 can"):
        TrainingConfig(accepted_codes=(code,))


def test_sized_for__by_leads_and_by_haste() -> None:
    config = TrainingConfig()
    quick = TrainingConfig(quick=True)

    assert config.sized_for(1_000).max_rows == 12_000
    assert quick.sized_for(1_000).max_rows == 12_000
    assert config.sized_for(20_000).max_rows == 100_000
    assert quick.sized_for(20_000).max_rows == 60_000


def test_from_toml__a_mark_of_byte_order_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "leadodds.toml"
    path.write_bytes(b"\xef\xbb\xbfseed = 11\n")

    assert TrainingConfig.from_toml(path).seed == 11


def test_training_config__refuses_a_training_window_without_a_moment_of_the_grid() -> None:
    with pytest.raises(ValidationError, match=r"training_window_days is 2, below grid_spacing_days, 3"):
        TrainingConfig(training_window_days=2)


def test_from_toml__reads_the_limits_of_the_monitor_and_records_none_of_them(tmp_path: Path) -> None:
    path = written(tmp_path, "[monitor]\nlevel_factor = 1.3\nlookback_days = 90\n")

    config = TrainingConfig.from_toml(path)

    assert config.monitor == MonitorLimits(level_factor=1.3, lookback_days=90)
    # What a monitor tolerates makes no other training.
    assert recorded_config(config) == recorded_config(TrainingConfig())


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (
            "[monitor]\nlevel_factor = 0.9",
            r"1\. monitor\.level_factor: Input should be greater than or equal to 1",
        ),
        ("[monitor]\nfalse_alarms_per_year = 1", r"1\. monitor\.false_alarms_per_year: .* less than 1"),
        ("[monitor]\nlevel = 2", r"1\. .*level"),
        ("held_out_share = -0.1", r"1\. held_out_share: .* greater than or equal to 0"),
        ("held_out_share = 0.6", r"1\. held_out_share: .* less than or equal to 0\.5"),
        ('fairness_attributes = "region"', r"1\. fairness_attributes: Input should be a valid tuple"),
        ('protected_attributes = "region"', r"1\. protected_attributes: Input should be a valid tuple"),
        ('count_machine_made = "perhaps"', r"1\. count_machine_made: Input should be a valid boolean"),
        ('accept_insufficient = "perhaps"', r"1\. accept_insufficient: Input should be a valid boolean"),
    ],
)
def test_from_toml__names_the_key_that_is_wrong(tmp_path: Path, text: str, fault: str) -> None:
    with pytest.raises(ConfigError, match=fault):
        TrainingConfig.from_toml(written(tmp_path, text))


def test_from_toml__reads_what_concerns_groups_of_leads(tmp_path: Path) -> None:
    lines = (
        'fairness_attributes = ["region"]\nprotected_attributes = ["gender"]\nheld_out_share = 0.5\n'
        "count_machine_made = true\n"
    )

    assert TrainingConfig.from_toml(written(tmp_path, lines)) == TrainingConfig(
        fairness_attributes=("region",),
        protected_attributes=("gender",),
        held_out_share=0.5,
        count_machine_made=True,
    )
