"""The odds that each lead converts, and why: what `import leadodds` gives, and the command line.

`check`, `train`, `backtest`, `score` and the others take a history: a folder, a database URL, a dict of
DataFrames, or what `read_history` gave. docs/python.md shows them at work.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from features.errors import LeadOddsError
    from features.findings.problems import HistoryError
    from leadodds_cli.app import app as app
    from leadodds_python.functions import (
        backtest,
        check,
        features,
        import_history,
        load_model,
        monitor,
        read_history,
        score,
        simulate,
        train,
    )
    from leadodds_python.history import History
    from leadodds_python.model import Model
    from training.config import TrainingConfig

__all__ = [
    "History",
    "HistoryError",
    "LeadOddsError",
    "Model",
    "TrainingConfig",
    "backtest",
    "check",
    "features",
    "import_history",
    "load_model",
    "main",
    "monitor",
    "read_history",
    "score",
    "simulate",
    "train",
]

# One OpenMP thread a process, set before any library reads it: more contend, and hang in forked children.
os.environ.setdefault("OMP_NUM_THREADS", "1")

_FUNCTIONS: Final = "leadodds_python.functions"
# Where each public name is defined; its module is imported when the name is first used.
_MODULES: Final = MappingProxyType(
    {
        "History": "leadodds_python.history",
        "HistoryError": "features.findings.problems",
        "LeadOddsError": "features.errors",
        "Model": "leadodds_python.model",
        "TrainingConfig": "training.config",
        "app": "leadodds_cli.app",
        "backtest": _FUNCTIONS,
        "check": _FUNCTIONS,
        "features": _FUNCTIONS,
        "import_history": _FUNCTIONS,
        "load_model": _FUNCTIONS,
        "monitor": _FUNCTIONS,
        "read_history": _FUNCTIONS,
        "score": _FUNCTIONS,
        "simulate": _FUNCTIONS,
        "train": _FUNCTIONS,
    }
)


if not TYPE_CHECKING:  # where types are checked, a name that is not there must stay an error

    def __getattr__(name: str) -> Any:
        """Imports a public name when it is first used (PEP 562)."""
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    """Lists the public names, those too that were not used yet."""
    return sorted({*globals(), *__all__})


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line and exits with its code."""
    from leadodds_cli.app import run

    run(arguments)


if __name__ == "__main__":
    main()
