"""A real MLflow on SQLite: versions, champion, the way back, homes that move, models that are data only."""

from __future__ import annotations

import getpass
import json
import shutil
import sqlite3
import tomllib
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

from models.artifacts import HomeArtifacts
from models.bundle.bundle import Bundle, read_bundle, write_bundle
from models.errors import (
    AnotherModelError,
    ArtifactPlaceError,
    ArtifactsMissingError,
    BundleFileError,
    ForeignModelError,
    NothingToRollBackError,
    RegistryError,
    UnknownVersionError,
)
from models.home.home import resolve_model
from models.registry.datasets import HistorySource, RunDataset
from models.registry.registry import Registry, list_versions, open_registry
from models.registry.runs import open_place
from models.scorecard.scoring import probabilities
from tests.support.homes import open_empty_registry
from tests.support.scorecards import bundle_with, plain_scorecard

NOWHERE = HistorySource(None, observed_until=0)
METRICS = {"log_loss": {"value": 0.31, "low": 0.3, "high": 0.32, "n": 900}, "auc": {"value": None, "n": 0}}
VERDICT = tuple(
    {"rule": rule, "value": 0, "limit": "none", "passed": True, "sentence": "None found."}
    # The category of a segment may be any text.
    for rule in ("data_checks", "segment city=Köln/Bonn (50 %), a;b")
)


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return open_empty_registry(tmp_path / "home")


def register(registry: Registry, *, average: float = -2.0, **card: Any) -> str:
    with registry.run("training") as run:
        return registry.register(run, bundle_with(plain_scorecard(average=average), **card))


def answer(bundle: Bundle) -> float:
    """The probability of a lead of which nothing is known."""
    return float(probabilities(bundle.scorecard, np.zeros((1, 3), dtype=np.uint8))[0])


def test_register__numbers_versions_and_sets_bundles_down(registry: Registry) -> None:
    versions = [register(registry), register(registry, average=-1.0)]

    assert versions == ["1", "2"]
    assert registry.home.versions() == ("1", "2")
    assert read_bundle(registry.home.bundle_folder("2")).version == "2"
    assert registry.home.champion() is None


def test_register__listing_tells_of_versions(registry: Registry) -> None:
    register(registry, metrics=METRICS, verdict=VERDICT)
    register(registry)

    listing = registry.list_versions()

    assert [version.version for version in listing.versions] == ["2", "1"]
    assert listing.versions[1].tags["metric.log_loss"] == "0.31"
    assert "metric.auc" not in listing.versions[1].tags
    assert "log loss 0.31" in str(listing)
    assert json.loads(json.dumps(listing.summary()))["champion"] is None


def test_list_versions__none_yet(registry: Registry) -> None:
    listing = registry.list_versions()

    assert listing.summary() == {"champion": None, "answering": None, "versions": [], "decisions": []}
    assert "There are no versions yet" in str(listing)


def test_list_versions__more_than_a_page(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        register(registry)
    search = registry.client.search_model_versions
    monkeypatch.setattr(
        registry.client,
        "search_model_versions",
        lambda *args, **options: search(*args, max_results=2, **options),
    )

    assert [version.version for version in registry.list_versions().versions] == ["3", "2", "1"]


def test_promote__moves_alias_and_pointer(registry: Registry) -> None:
    register(registry, verdict=VERDICT)

    assert registry.promote("1") == "1"

    assert registry.champion() == "1"
    assert registry.home.champion() == "1"
    tags = registry.client.get_model_version("leadodds", "1").tags
    assert json.loads(tags["gate.data_checks"])["passed"] is True
    assert json.loads(tags["gate.segment city_Köln_Bonn _50 ___ a_b"])["rule"] == VERDICT[1]["rule"]
    assert registry.list_versions().summary()["champion"] == "1"


@pytest.mark.parametrize("version", ["9", "01", "one", "../1", ""])
def test_promote__unknown_version(registry: Registry, version: str) -> None:
    register(registry)
    registry.promote("1")

    with pytest.raises(UnknownVersionError, match=r"neither a version .* Its versions are 1\."):
        registry.promote(version)
    assert (registry.champion(), registry.home.champion()) == ("1", "1")


def test_promote__unknown_version_of_an_empty_registry(registry: Registry) -> None:
    with pytest.raises(UnknownVersionError, match="It has no versions yet"):
        registry.promote("1")


def test_promote__faulty_bundle_leaves_the_champion(registry: Registry) -> None:
    register(registry)
    register(registry)
    registry.promote("1")
    (registry.home.bundle_folder("2") / "card.json").write_text("{}")

    with pytest.raises(BundleFileError, match=r"card\.json has the digest"):
        registry.promote("2")
    assert (registry.champion(), registry.home.champion()) == ("1", "1")


def test_promote__refuses_another_model_under_the_number(registry: Registry) -> None:
    register(registry)
    register(registry, average=-1.0)
    registry.promote("1")
    shutil.rmtree(registry.home.bundle_folder("2"))
    write_bundle(
        registry.home.bundle_folder("2"), bundle_with(plain_scorecard(average=-3.0), model_version="2")
    )

    with pytest.raises(AnotherModelError, match="holds another model than version 2 of the registry"):
        registry.promote("2")
    assert (registry.champion(), registry.home.champion()) == ("1", "1")

    shutil.rmtree(registry.home.bundle_folder("2"))
    registry.promote("2")

    assert answer(read_bundle(resolve_model(registry.home))) == pytest.approx(1 / (1 + np.e))


def test_rollback__goes_back_one_champion_at_a_time(registry: Registry) -> None:
    for _ in range(3):
        register(registry)
    for version in ("1", "3", "3", "2"):
        registry.promote(version)

    back = [registry.rollback(), registry.rollback()]

    assert back == ["3", "1"]
    assert (registry.champion(), registry.home.champion()) == ("1", "1")
    with pytest.raises(NothingToRollBackError, match="1 is the first champion"):
        registry.rollback()


def test_rollback__and_forward_again(registry: Registry) -> None:
    for _ in range(2):
        register(registry)
    for version in ("1", "2", "1"):
        registry.promote(version)

    assert [registry.rollback(), registry.rollback()] == ["2", "1"]
    registry.promote("2")
    assert registry.rollback() == "1"


def test_rollback__nothing_was_promoted(registry: Registry) -> None:
    with pytest.raises(NothingToRollBackError, match="no version has been promoted"):
        registry.rollback()

    register(registry)

    with pytest.raises(NothingToRollBackError, match="no version has been promoted"):
        registry.rollback()


def test_promote__after_a_crash_between_alias_and_pointer(registry: Registry) -> None:
    register(registry)
    register(registry)
    registry.promote("1")
    registry.client.set_registered_model_alias("leadodds", "champion", "2")  # and then the power went

    assert "still answers with 1, although the champion is 2" in str(registry.list_versions())

    registry.promote("2")

    assert (registry.champion(), registry.home.champion()) == ("2", "2")


def test_rollback__after_a_crash_between_memory_and_alias(registry: Registry) -> None:
    register(registry)
    register(registry)
    registry.promote("1")
    registry.promote("2")
    registry.client.set_registered_model_tag("leadodds", "past_champions", '["1", "2"]')

    assert registry.rollback() == "1"


def test_home__moved_home_lists_installs_promotes_and_rolls_back(registry: Registry, tmp_path: Path) -> None:
    register(registry)
    register(registry, average=-1.0)
    registry.promote("1")
    expected = answer(read_bundle(registry.home.bundle_folder("2")))
    shutil.copytree(registry.home.path, tmp_path / "copy")
    shutil.rmtree(registry.home.path)
    shutil.rmtree(tmp_path / "copy" / "bundles" / "2")  # has to come out of the copied artifacts

    moved = open_registry(tmp_path / "copy")
    moved.promote("2")

    assert answer(read_bundle(resolve_model(tmp_path / "copy"))) == expected
    assert [version.version for version in moved.list_versions().versions] == ["2", "1"]
    assert register(moved) == "3"
    assert moved.rollback() == "1"
    assert not registry.home.path.exists()


def test_home__original_and_copy_in_one_process_stay_apart(registry: Registry, tmp_path: Path) -> None:
    register(registry)
    shutil.copytree(registry.home.path, tmp_path / "copy")
    copy = open_registry(tmp_path / "copy")
    shutil.rmtree(copy.home.bundle_folder("1"))
    shutil.rmtree(copy.home.artifacts)

    with pytest.raises(ArtifactsMissingError, match=r"could not be fetched.*Copy the home as a whole"):
        copy.promote("1")
    assert registry.promote("1") == "1"


def test_home__database_holds_no_absolute_path(registry: Registry) -> None:
    register(registry)
    registry.promote("1")

    with sqlite3.connect(registry.home.database) as database:
        dump = "\n".join(database.iterdump())
    database.close()

    for place in (str(registry.home.path), str(Path.cwd()), "file:", str(Path.home())):
        assert place not in dump.replace("profile:", "")
    assert "leadodds:/artifacts" in dump


def test_install__is_what_was_registered(registry: Registry) -> None:
    register(registry)
    folder = registry.home.bundle_folder("1")
    written = {path.name: path.read_bytes() for path in folder.iterdir()}
    shutil.rmtree(folder)

    registry.install("1")

    assert {path.name: path.read_bytes() for path in folder.iterdir()} == written


def logged_folder(registry: Registry) -> Path:
    (folder,) = (registry.home.artifacts / "models").glob("*/artifacts")
    return folder


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (
            "loader_module: models.pyfunc",
            "loader_module: os",
            "is loaded by os; only data read by models.pyfunc",
        ),
        ("code: null", "code: code", "is loaded by code of its own"),
        ("data: data/bundle", "data: ../../elsewhere", "is loaded by code of its own"),
        ("  python_function:", "  sklearn: {}\n  python_function:", "is loaded by sklearn, python_function"),
        ("flavors:", "flavors: 3\nother:", "is loaded by nothing"),
        ("flavors:", "flavors: [", "is loaded by nothing"),
        ("streamable: false", "python_model: python_model.pkl", "is loaded by code of its own"),
    ],
)
def test_install__refuses_a_model_that_would_run_code(
    registry: Registry, old: str, new: str, sentence: str
) -> None:
    register(registry)
    shutil.rmtree(registry.home.bundle_folder("1"))
    described = logged_folder(registry) / "MLmodel"
    text = described.read_text()
    described.write_text(text.replace(old, new))

    assert old in text
    with pytest.raises(ForeignModelError, match=sentence):
        registry.install("1")
    assert registry.home.versions() == ()


def test_install__refuses_a_tampered_artifact(registry: Registry) -> None:
    register(registry)
    shutil.rmtree(registry.home.bundle_folder("1"))
    (logged_folder(registry) / "data" / "bundle" / "scorecard.npz").write_bytes(b"something else")

    with pytest.raises(BundleFileError, match=r"scorecard\.npz has the digest"):
        registry.install("1")


def test_logged_model__is_data_only(registry: Registry) -> None:
    register(registry)

    files = {str(path.relative_to(logged_folder(registry))) for path in logged_folder(registry).rglob("*.*")}

    assert {Path(name).suffix for name in files} <= {".json", ".npz", ".yaml", ".txt"}


def test_run__keeps_parameters_figures_datasets_and_files(registry: Registry, tmp_path: Path) -> None:
    (tmp_path / "plots").mkdir()
    (tmp_path / "plots" / "curve.svg").write_text("<svg/>")

    with registry.run("training") as run:
        run.log_params({f"p{i}": i for i in range(150)} | {"bands": None, "text": "plain"})
        run.log_metrics({"log_loss": 0.3, "auc": None, "lift": float("nan")}, step=2)
        run.log_datasets([RunDataset("leads", "ab" * 32, {"size": "number"}, NOWHERE, "training")])
        run.log_files(tmp_path / "plots", place="plots")
        run.set_tags({"quick": "false"})

    kept = registry.client.get_run(run.run_id)
    assert kept.info.status == "FINISHED"
    assert (len(kept.data.params), kept.data.params["text"], kept.data.params["bands"]) == (
        152,
        "plain",
        "null",
    )
    assert kept.data.metrics == {"log_loss": 0.3}
    assert kept.inputs.dataset_inputs[0].dataset.digest == "ab" * 18
    place = open_place(run.artifact_uri, registry.tracking_uri)
    assert [file.path for file in place.list_artifacts("plots")] == ["plots/curve.svg"]


def test_register__ties_parameters_and_figures_to_the_model_and_the_version(registry: Registry) -> None:
    tested = RunDataset("test_examples", "cd" * 32, {"converted": "boolean"}, NOWHERE, "testing")
    with registry.run("training") as run:
        run.log_datasets([tested])
        version = registry.register(
            run,
            bundle_with(plain_scorecard(), metrics=METRICS, notes=("Quick.",)),
            params={"config.seed": 7, "bands": None},
            dataset=tested,
        )

    found = registry.client.get_model_version("leadodds", version)
    model = registry.client.get_logged_model(found.source.removeprefix("models:/"))
    assert model.status == "READY"
    assert model.params == {"config.seed": "7", "bands": "null"}
    assert [(metric.key, metric.value, metric.dataset_digest) for metric in model.metrics] == [
        ("log_loss", 0.31, "cd" * 18)
    ]
    assert json.loads(model.tags["mlflow.modelVersions"]) == [{"name": "leadodds", "version": "1"}]
    assert found.run_id == model.source_run_id == run.run_id
    assert "Log loss on later leads 0.3100 [0.3000, 0.3200]. Quick." in found.description
    assert "install LeadOdds where" in registry.client.get_registered_model("leadodds").description


def test_run__that_fails_is_marked_with_the_reason(registry: Registry) -> None:
    with pytest.raises(KeyError, match="boom"), registry.run("training") as run:
        raise KeyError("boom")
    with pytest.raises(ArtifactsMissingError, match="nothing"), registry.run("training") as refused:
        raise ArtifactsMissingError("here", reason="nothing is there")

    kept = [registry.client.get_run(one.run_id) for one in (run, refused)]
    assert [one.info.status for one in kept] == ["FAILED", "FAILED"]
    # Messages of libraries may hold cells of the history.
    assert kept[0].data.tags["leadodds.failure"] == "KeyError"
    assert "nothing is there" in kept[1].data.tags["leadodds.failure"]


def test_run__says_who_runs_what_by_the_tags_of_mlflow(registry: Registry) -> None:
    with (
        registry.run("training", tags={"leadodds.seed": "7"}) as run,
        run.child("origin 2026-01-01") as below,
    ):
        below.log_params({"at": "2026-01-01"})

    tags = registry.client.get_run(run.run_id).data.tags
    assert tags["mlflow.user"] == getpass.getuser()
    assert tags["mlflow.source.type"] == "LOCAL"
    assert "/" not in tags["mlflow.source.name"]
    assert tags["leadodds.seed"] == "7"
    assert tags["leadodds.version"] == metadata.version("leadodds")
    # The address of a repository may hold a password.
    assert "mlflow.source.git.repoURL" not in tags
    nested = registry.client.get_run(below.run_id)
    assert nested.data.tags["mlflow.parentRunId"] == run.run_id
    assert nested.data.params == {"at": "2026-01-01"}
    assert nested.info.status == "FINISHED"


def test_open_registry__database_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_text("this is a text, and a long one, but not a database\n" * 100)

    with pytest.raises(RegistryError, match=r"mlflow\.db cannot be used: .*not a database"):
        open_registry(tmp_path)


def test_home_artifacts__never_outside_of_the_home(tmp_path: Path) -> None:
    with pytest.raises(ArtifactPlaceError, match="would lie outside of"):
        HomeArtifacts("leadodds:/../../etc", tracking_uri=f"sqlite:///{tmp_path}/mlflow.db")


def test_home_artifacts__is_declared_to_mlflow(tmp_path: Path) -> None:
    project = tomllib.loads(Path("pyproject.toml").read_text())

    declared = project["project"]["entry-points"]["mlflow.artifact_repository"]
    found = get_artifact_repository("leadodds:/artifacts", tracking_uri=f"sqlite:///{tmp_path}/mlflow.db")

    module, name = declared["leadodds"].split(":")
    assert getattr(import_module(module), name) is HomeArtifacts
    assert isinstance(found, HomeArtifacts)


def test_bundle__from_the_registry_answers_as_before(registry: Registry) -> None:
    bundle = bundle_with(plain_scorecard())
    register(registry)

    installed = read_bundle(registry.install("1"))

    assert answer(installed) == answer(bundle)
    assert [feature.name for feature in installed.scorecard.bins] == [
        feature.name for feature in bundle.scorecard.bins
    ]


@pytest.mark.parametrize("name", ["feature%2Fx", "store?1", "home#2"])
def test_open_registry__takes_the_name_of_a_home_as_it_is(tmp_path: Path, name: str) -> None:
    registry = open_registry(tmp_path / name / "store")

    version = register(registry)
    registry.promote(version)
    with registry.run("odd") as run:
        run.log_files(registry.home.bundle_folder(version), place="plots")

    assert registry.home.champion() == version
    assert (registry.home.path / "artifacts").is_dir()
    assert run.path_of("plots") is not None
    # Nothing lies beside the home.
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert [path.name for path in (tmp_path / name).iterdir()] == ["store"]


def test_list_versions__makes_no_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)

    listing = list_versions(tmp_path / "home")

    assert (listing.versions, listing.champion, listing.answering) == ((), None, None)
    assert not (tmp_path / "home").exists()
