"""The processes of a server: one, or a supervisor with several workers."""

from __future__ import annotations

import gc
import logging.config
import os
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
import uvicorn
from starlette.applications import Starlette

from features.sources.connections import redacted_url
from models.home.home import Home, resolve_model
from serving.alerts.config import read_alerts_config, read_targets
from serving.app import create_app, open_store
from serving.clock import SteadyClock
from serving.database.engine import lock_file
from serving.http.error_stream import ERRORS
from serving.http.logs import LOG_CONFIG
from serving.http.metrics import FOLDER_VARIABLE
from serving.http.protocol import BoundedProtocol
from serving.keys.live_keys import LiveKeys
from serving.rescoring.process import RescoringProcess
from serving.scoring.live_model import LiveModel
from serving.settings import ServerSettings, SettingsError, read_settings
from serving.store.store import DatabaseError

_LOG: Final = logging.getLogger("leadodds.serving")
_SETTINGS_VARIABLE: Final = "LEADODDS_WORKER_SETTINGS"
# A thread yields to one that waits for the interpreter after this time; the default, 5 ms, is long here.
_SWITCH_SECONDS: Final = 0.0005
# A response takes hundreds of objects without cycles; the default, 700 new ones, would collect at each.
_OBJECTS_PER_COLLECTION: Final = 20_000
# How long a stopping server waits for its open requests.
_FINISH_SECONDS: Final = 30


def serve(
    *,
    home: Path,
    host: str | None = None,
    port: int | None = None,
    model: str | None = None,
    workers: int | None = None,
) -> None:
    """Runs a server until it is stopped; the environment or `ServerSettings` replaces what is None.

    Args:
        home: folder of the models.
        host: address to listen on; without a key it must be a loopback one.
        port: to listen on; 0 picks a free one.
        model: version or bundle folder; by default the server follows the champion.
        workers: number of processes; a single one runs without a supervisor.

    Raises:
        KeylessHostError: there is no key, and the address is reachable from other machines.
        SettingsError: several workers share a SQLite file, or a setting is invalid.
        LeadOddsError: there is no model, or its bundle is refused.
    """
    given = {"host": host, "port": port, "model": model, "workers": workers}
    settings = read_settings(home=home, **{name: value for name, value in given.items() if value is not None})
    if settings.workers > 1 and not (settings.database or "").startswith("postgresql"):
        raise SettingsError("workers", fault="more than one needs a PostgreSQL in LEADODDS_DATABASE")
    if not home.exists():
        # Before a database is made in it: without a model there is nothing to serve.
        resolve_model(Home(home), settings.model)
    logging.config.dictConfig(LOG_CONFIG)
    _check_alerts(settings)
    _lock_database(settings)
    if settings.workers == 1:
        app = _ready_app(settings, RescoringProcess(settings))
        _log_access(app.state.server.access.keys, settings.host)
        uvicorn.run(app, **_options(settings))
        return
    # Errors are raised here, once, rather than in every worker.
    store, keys = open_store(settings, SteadyClock())
    store.close()
    LiveModel(Home(home), model=settings.model)
    _log_access(keys, settings.host)
    with tempfile.TemporaryDirectory(prefix="leadodds-metrics-") as folder:
        os.environ |= {_SETTINGS_VARIABLE: settings.model_dump_json(), FOLDER_VARIABLE: folder}
        rescoring = RescoringProcess(settings)
        rescoring.start()
        try:
            uvicorn.run(
                "serving.server:app_of_worker", factory=True, workers=settings.workers, **_options(settings)
            )
        finally:
            rescoring.close()


def _check_alerts(settings: ServerSettings) -> None:
    """Refuses hooks that could not be sent anything, before the process that sends starts.

    Raises:
        AlertsConfigError: the table `[alerts]` cannot be used.
        MissingCredentialError: the address or secret of a hook is nowhere, or cannot be used.
    """
    config = read_alerts_config(settings.config)
    if config is not None:
        read_targets(config)


def _lock_database(settings: ServerSettings) -> None:
    """Keeps other servers from the file of the database until this process ends.

    Raises:
        DatabaseError: another server has it.
    """
    address = sa.make_url(settings.store_url)
    if address.get_backend_name() == "sqlite" and lock_file(Path(f"{address.database}-server")) is None:
        fault = "another server uses it; stop that one, or use PostgreSQL for several"
        raise DatabaseError(redacted_url(settings.store_url), fault=fault)


def app_of_worker() -> Starlette:
    """Creates the application of a worker, which reads the settings from its environment."""
    return _ready_app(ServerSettings.model_validate_json(os.environ[_SETTINGS_VARIABLE]))


def _ready_app(settings: ServerSettings, rescoring: RescoringProcess | None = None) -> Starlette:
    """Creates the application, and tunes threads and garbage collection for short requests."""
    sys.setswitchinterval(_SWITCH_SECONDS)
    app = create_app(settings, rescoring=rescoring, on_end=ERRORS.end)
    # The objects of the application live to the end: collections skip them, which would delay requests.
    gc.collect()
    gc.freeze()
    gc.set_threshold(_OBJECTS_PER_COLLECTION, *gc.get_threshold()[1:])
    return app


def _options(settings: ServerSettings) -> dict[str, Any]:
    return {
        "host": settings.host.strip("[]"),
        "port": settings.port,
        "http": BoundedProtocol,
        "ws": "none",
        "access_log": False,
        "log_config": LOG_CONFIG,
        "timeout_graceful_shutdown": _FINISH_SECONDS,
    }


def _log_access(keys: LiveKeys, host: str) -> None:
    if keys.is_keyless:
        _LOG.warning("no key: listening on %s only, and answering every route without one", host)
    else:
        _LOG.info("listening on %s; every route but the open ones needs a key", host)
