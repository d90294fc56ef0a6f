"""Promotion and rollback by command: without MLflow where the home holds all that they need."""

from __future__ import annotations

from models.bundle.bundle import Bundle, read_bundle
from models.errors import AnotherModelError, NothingToRollBackError, UnknownVersionError
from models.home.home import Home
from models.registry import champions
from models.registry.listing import verdict_tags
from models.registry.local_model import LocalModel, open_local_model
from models.registry.names import is_unmade


def promote(home: Home, version: str, *, reason: str = "") -> str:
    """Makes a version the champion; see `Registry.promote`."""
    if is_unmade(home):
        raise UnknownVersionError(version, home=home.path, known=())
    model = open_local_model(home)
    bundle = None if model is None else _verified(model, home, version)
    if model is None or bundle is None:
        from models.registry.registry import open_registry

        return open_registry(home).promote(version, reason=reason)
    model.tag_version(version, verdict_tags(bundle))
    champions.promote(model, home, version, reason=reason)
    return version


def rollback(home: Home, *, reason: str = "") -> str:
    """Makes the champion before this one the champion again; see `Registry.rollback`."""
    if is_unmade(home):
        raise NothingToRollBackError(home.champion())
    model = open_local_model(home)
    version = None if model is None else champions.before_current(model)
    if model is None or version is None or _verified(model, home, version) is None:
        from models.registry.registry import open_registry

        return open_registry(home).rollback(reason=reason)
    champions.rollback_to(model, home, version, reason=reason)
    return version


def _verified(model: LocalModel, home: Home, version: str) -> Bundle | None:
    """Reads the bundle of a version; None where the registry has to be asked for it, or does not know it.

    Raises:
        AnotherModelError: the home holds another model under its number.
        BundleError: it is faulty.
    """
    digest = model.content_digest(version)
    if digest is None or not home.has_bundle(version):
        return None
    bundle = read_bundle(home.bundle_folder(version))
    if digest != bundle.content_digest:
        raise AnotherModelError(version, folder=home.bundle_folder(version))
    return bundle
