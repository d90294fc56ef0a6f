"""A bundle: the stored files of one version, readable by any language, with nothing in it that could be run.

Reading compares digests first, then parses, then checks that the parts belong to one model. Every fault is
an error that names the file; no other model takes its place.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from features.catalog.spec import FeatureSet
from features.errors import LeadOddsError
from features.history.lead_history import Floats
from models.bundle.card import Card
from models.bundle.digests import digest, read_verified
from models.bundle.files import write_folder
from models.bundle.format import (
    CARD_FILE,
    CONTENT_FILES,
    DIGESTS_FILE,
    FEATURES_FILE,
    SCORECARD_FILE,
    TABLES_FILE,
)
from models.bundle.tables_file import arrays_of, pack, replicas_of, terms_of, unpack
from models.errors import BundleContentError, MismatchError
from models.scorecard.bins import FeatureBins
from models.scorecard.scorecard import EVEN_RANGES, Misfit, Scorecard, Shrinkage

_Part = TypeVar("_Part")


@dataclass(frozen=True, slots=True, eq=False)
class Bundle:
    """One version of the model.

    Attributes:
        card: facts about the version for people.
        feature_set: declarations of the features that the scorecard reads, at least.
        scorecard: the model.
    """

    card: Card
    feature_set: FeatureSet
    scorecard: Scorecard

    def __post_init__(self) -> None:
        """Refuses parts that belong to different models."""
        _check_belonging(self)

    @property
    def version(self) -> str:
        """The version, as the registry numbers it."""
        return self.card.model_version

    @property
    def content_digest(self) -> str:
        """SHA-256 of everything but the card: the same for the same model under any number."""
        files = _model_files(self)
        return digest(_to_text({name: digest(content) for name, content in files.items()}))

    def training_shares(self, name: str, *, codes_count: int) -> Floats | None:
        """Gives the share of the training examples with each code of a feature; None where it is unknown."""
        by_feature = self.card.evaluation.get("training_distribution")
        shares = by_feature.get(name) if isinstance(by_feature, Mapping) else None
        if not isinstance(shares, Sequence) or len(shares) != codes_count:
            return None
        return np.array(shares, dtype=np.float64)

    def with_version(self, version: str) -> Bundle:
        """The same model under the number that a registry gave it."""
        return replace(self, card=replace(self.card, model_version=version))


def write_bundle(folder: Path, bundle: Bundle) -> None:
    """Writes a bundle as a new folder, whole or not at all.

    Args:
        folder: must not exist; its parents are made.
        bundle: the same bundle gives the same bytes.

    Raises:
        FolderExistsError: the folder exists.
        WriteError: the files could not be written; nothing is left behind.
    """
    files = {CARD_FILE: _to_text(bundle.card.to_json()), **_model_files(bundle)}
    files[DIGESTS_FILE] = _to_text({name: digest(content) for name, content in files.items()})
    write_folder(folder, files)


def read_bundle(folder: Path) -> Bundle:
    """Reads a bundle: compares digests, parses the files, and checks that they belong to one model.

    Raises:
        BundleError: the folder holds none, a file is not as it was written, does not parse, or belongs to
        another model.
    """
    files = read_verified(folder)
    card = _card(folder, files)
    texts = {name: _parse(folder, name, files[name].decode) for name in CONTENT_FILES if name != TABLES_FILE}
    feature_set = _parse(folder, FEATURES_FILE, lambda: FeatureSet.from_json(texts[FEATURES_FILE]))
    arrays = _parse(folder, TABLES_FILE, lambda: unpack(files[TABLES_FILE]))
    record = _parse(folder, SCORECARD_FILE, lambda: json.loads(texts[SCORECARD_FILE]))
    scorecard = _parse(folder, SCORECARD_FILE, lambda: _to_scorecard(record, arrays))
    return _parse(folder, CARD_FILE, lambda: Bundle(card, feature_set, scorecard))


def read_card(folder: Path) -> Card:
    """Reads the card of a bundle after comparing every file with its digest.

    Raises:
        BundleError: the folder holds none, or a file is not as it was written.
    """
    return _card(folder, read_verified(folder))


def _card(folder: Path, files: Mapping[str, bytes]) -> Card:
    return _parse(folder, CARD_FILE, lambda: Card.from_json(json.loads(files[CARD_FILE].decode())))


def _parse(folder: Path, name: str, read: Callable[[], _Part]) -> _Part:
    """Runs one step of reading; an error names the folder and the file."""
    try:
        return read()
    except LeadOddsError as error:
        raise BundleContentError(folder, name, fault=f"cannot be used: {error}") from None
    except LookupError as error:
        raise BundleContentError(folder, name, fault=f"lacks {error}, or what belongs to it") from None
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise BundleContentError(folder, name, fault=f"cannot be read: {error}") from None


def _to_text(record: Any) -> bytes:
    """JSON for people and for digests: sorted, indented, every number exactly as it is."""
    return (json.dumps(record, sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _model_files(bundle: Bundle) -> dict[str, bytes]:
    return {
        FEATURES_FILE: bundle.feature_set.to_json().encode() + b"\n",
        SCORECARD_FILE: _to_text(_scorecard_record(bundle.scorecard)),
        TABLES_FILE: pack(arrays_of(bundle.scorecard)),
    }


def _scorecard_record(scorecard: Scorecard) -> dict[str, Any]:
    # Bundles from before there was a shrinkage, or a second rule of ranges, have no such key.
    shrinkage = {} if scorecard.shrinkage is None else {"shrinkage": _shrinkage_record(scorecard.shrinkage)}
    rule = {} if scorecard.range_rule == EVEN_RANGES else {"range_rule": scorecard.range_rule}
    return {
        **shrinkage,
        **rule,
        "time_edges_days": scorecard.time_edges_days.tolist(),
        "horizon_days": scorecard.horizon_days,
        "level_shift": scorecard.level_shift,
        "level_spread": scorecard.level_spread,
        "misfit": _misfit_record(scorecard.misfit),
        "bins": [
            {
                "name": feature.name,
                "type": feature.type,
                "edges": feature.edges.tolist(),
                "categories": list(feature.categories),
            }
            for feature in scorecard.bins
        ],
        "terms": [[scorecard.bins[position].name for position in term.features] for term in scorecard.terms],
        "replicas": len(scorecard.replicas),
    }


def _misfit_record(misfit: Misfit | None) -> dict[str, Any] | None:
    if misfit is None:
        return None
    return {"log_odds": misfit.log_odds.tolist(), "spread": misfit.spread.tolist()}


def _shrinkage_record(shrinkage: Shrinkage) -> dict[str, Any]:
    return {"log_odds": shrinkage.log_odds.tolist(), "move": shrinkage.move.tolist()}


def _to_shrinkage(record: Any) -> Shrinkage | None:
    if record is None:
        return None
    return Shrinkage(
        np.array(record["log_odds"], dtype=np.float64), np.array(record["move"], dtype=np.float64)
    )


def _to_misfit(record: Any) -> Misfit | None:
    if record is None:
        return None
    return Misfit(
        np.array(record["log_odds"], dtype=np.float64), np.array(record["spread"], dtype=np.float64)
    )


def _to_scorecard(record: Any, arrays: dict[str, Any]) -> Scorecard:
    bins = tuple(
        FeatureBins(
            feature["name"],
            feature["type"],
            np.array(feature["edges"], dtype=np.float64),
            tuple(feature["categories"]),
        )
        for feature in record["bins"]
    )
    position_of = {feature.name: i for i, feature in enumerate(bins)}
    features = [tuple(position_of[name] for name in names) for names in record["terms"]]
    scorecard = Scorecard(
        bins=bins,
        time_edges_days=np.array(record["time_edges_days"], dtype=np.float64),
        horizon_days=record["horizon_days"],
        terms=terms_of(arrays, features),
        average=arrays["average"],
        level_shift=record["level_shift"],
        level_spread=record["level_spread"],
        replicas=replicas_of(arrays, len(features)),
        misfit=_to_misfit(record["misfit"]),
        shrinkage=_to_shrinkage(record.get("shrinkage")),
        range_rule=record.get("range_rule", EVEN_RANGES),
    )
    if _scorecard_record(scorecard) != record:
        raise ValueError("fields that are unknown, missing, or not written as LeadOdds writes them")
    if {*arrays_of(scorecard)} != {*arrays}:
        raise ValueError("it does not name the arrays that are there")
    return scorecard


def _check_belonging(bundle: Bundle) -> None:
    """Refuses a card, declarations and tables of different models."""
    card, scorecard = bundle.card, bundle.scorecard
    _check_equal("the feature set", card.feature_set, bundle.feature_set.version)
    _check_equal("the main horizon", card.horizon_days, scorecard.horizon_days)
    _check_equal("the time edges", list(card.time_edges_days), scorecard.time_edges_days.tolist())
    declared = {feature.name: feature.type for feature in bundle.feature_set.features}
    for feature in scorecard.bins:
        _check_equal(f"the type of {feature.name}", declared.get(feature.name), feature.type)


def _check_equal(item: str, first: object, second: object) -> None:
    if first != second:
        raise MismatchError(item, first=first, second=second)
