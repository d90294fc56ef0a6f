"""The odds that each lead converts, and why: the command line, and what `import leadodds` gives."""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from leadodds_cli.app import app

__all__ = ["app", "main"]

# One OpenMP thread a process, set before any library reads it: more contend, and hang in forked children.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Where each public name is defined; its module is imported when the name is first used.
_MODULES: Final = MappingProxyType({"app": "leadodds_cli.app"})


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
