"""The process that runs the application, or several of them."""

from __future__ import annotations

import gc
import logging.config
import os
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

import uvicorn
from fastapi import FastAPI

from models.home.home import Home
from serving.app import create_app, open_store
from serving.clock import SteadyClock
from serving.http.logs import LOG_CONFIG
from serving.http.metrics import FOLDER_VARIABLE
from serving.http.protocol import BoundedProtocol
from serving.keys.live_keys import LiveKeys
from serving.scoring.live_model import LiveModel
from serving.settings import ServerSettings, SettingsError, read_settings

_LOG: Final = logging.getLogger("leadodds.serving")
_SETTINGS_VARIABLE: Final = "LEADODDS_WORKER_SETTINGS"
# After so long a thread hands the interpreter to one that waits for it; 5 ms, as usual, are several answers.
_TURN_SECONDS: Final = 0.0005
# An answer is made of hundreds of objects without a cycle: 700 new ones, as usual, are no reason to look.
_OBJECTS_PER_LOOK: Final = 20_000
# How long a stopping server waits for what it took.
_FINISH_SECONDS: Final = 30


def serve(
    *,
    home: Path,
    host: str | None = None,
    port: int | None = None,
    model: str | None = None,
    workers: int | None = None,
) -> None:
    """Runs a server until it is told to stop; what is None is as the environment or `ServerSettings` has it.

    Args:
        home: where models are kept.
        host: address to listen on; without a key a loopback one.
        port: to listen on; 0 takes a free one.
        model: version or bundle folder; without one the champion is followed.
        workers: processes; one runs without a supervisor.

    Raises:
        KeylessHostError: there is no key, and the address would be reachable from other machines.
        SettingsError: several processes and one file.
        LeadOddsError: there is no model, or its bundle is refused.
    """
    given = {"host": host, "port": port, "model": model, "workers": workers}
    settings = read_settings(home=home, **{name: told for name, told in given.items() if told is not None})
    if settings.workers > 1 and not (settings.database or "").startswith("postgresql"):
        raise SettingsError("workers", fault="more than one needs a PostgreSQL in LEADODDS_DATABASE")
    logging.config.dictConfig(LOG_CONFIG)
    if settings.workers == 1:
        app = _ready_app(settings)
        _say_who_may_ask(app.state.server.access.keys, settings.host)
        uvicorn.run(app, **_options(settings))
        return
    # Refused here rather than once in every worker.
    store, keys = open_store(settings, SteadyClock())
    store.close()
    LiveModel(Home(home), model=settings.model)
    _say_who_may_ask(keys, settings.host)
    with tempfile.TemporaryDirectory(prefix="leadodds-metrics-") as folder:
        os.environ |= {_SETTINGS_VARIABLE: settings.model_dump_json(), FOLDER_VARIABLE: folder}
        uvicorn.run(
            "serving.server:app_of_worker", factory=True, workers=settings.workers, **_options(settings)
        )


def app_of_worker() -> FastAPI:
    """Makes the application in one of several workers, which know the settings from their environment."""
    return _ready_app(ServerSettings.model_validate_json(os.environ[_SETTINGS_VARIABLE]))


def _ready_app(settings: ServerSettings) -> FastAPI:
    """Makes the application of this process, and lets requests, writer and rescorer share it well."""
    sys.setswitchinterval(_TURN_SECONDS)
    app = create_app(settings)
    # What is there now stays to the end: looking through it again and again would hold requests up.
    gc.collect()
    gc.freeze()
    gc.set_threshold(_OBJECTS_PER_LOOK, *gc.get_threshold()[1:])
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


def _say_who_may_ask(keys: LiveKeys, host: str) -> None:
    if keys.is_keyless:
        _LOG.warning("no key: listening on %s only, and answering every route without one", host)
    else:
        _LOG.info("listening on %s; every route but the open ones needs a key", host)
