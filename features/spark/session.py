"""The Spark session as the user configured it, and errors for what can be wrong with it."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

from features.errors import LeadOddsError

_ROOMS: Final = ("features", "models", "serving")
# Stands before what a worker says of a file that it cannot read.
UNREADABLE: Final = "A table cannot be read: "
_MISMATCH: Final = "These differ between the driver and a worker: "
# Texts in Spark's errors where Python or Spark differs between machines, or a library is missing.
_MISMATCH_SIGNS: Final = (
    "PYTHON_VERSION_MISMATCH",
    "InvalidClassException",
    "ModuleNotFoundError",
    "RpcEnvironment version",
)


class SparkMissingError(LeadOddsError):
    """pyspark is not installed."""

    def __init__(self) -> None:
        super().__init__(
            'pyspark is not installed. Install it with "pip install leadodds[spark]", or leave out --engine.'
        )


class JavaMissingError(LeadOddsError):
    """Java is missing, or cannot start Spark."""

    def __init__(self) -> None:
        super().__init__(
            "Spark needs Java, and none of version 17 or later starts. "
            "Install one, name its folder in JAVA_HOME, or leave out --engine spark."
        )


class WorkerMismatchError(LeadOddsError):
    """Driver and worker run different versions, so their results might differ."""

    def __init__(self, fault: str) -> None:
        super().__init__(
            f"{_MISMATCH}{fault}. Install the same versions on all machines, "
            "and name that Python in PYSPARK_PYTHON."
        )


class SparkFailedError(LeadOddsError):
    """Spark failed."""

    def __init__(self, fault: str) -> None:
        super().__init__(f"Spark failed: {fault}. Nothing was published; the log of Spark has the details.")


@contextmanager
def spark_session() -> Iterator[Any]:
    """Opens the session that spark-submit, spark-defaults or SPARK_MASTER configure; else all local cores.

    Raises:
        LeadOddsError: no pyspark, no Java, other versions on a worker, or another failure of Spark.
    """
    try:
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession
    except ImportError:
        raise SparkMissingError from None
    _check_java()
    # Workers use the Python of the driver unless configured otherwise.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.appName("leadodds").config("spark.executorEnv.OMP_NUM_THREADS", "1")
    if master := os.environ.get("SPARK_MASTER"):
        builder = builder.master(master)
    try:
        session = builder.getOrCreate()
    except PySparkException as error:
        raise (JavaMissingError() if "JAVA_GATEWAY_EXITED" in str(error) else _error_of(error)) from error
    # Arrow and other readers read this type as instants; Spark's own type has no zone.
    session.conf.set("spark.sql.parquet.outputTimestampType", "TIMESTAMP_MICROS")
    session.conf.set("spark.sql.session.timeZone", "UTC")
    try:
        yield session
    except PySparkException as error:
        raise _error_of(error) from error
    finally:
        session.stop()


@cache
def versions() -> Mapping[str, str]:
    """Versions that must agree on all machines for the results to agree to the bit."""
    return {
        "Python": ".".join(map(str, sys.version_info[:2])),
        "numpy": np.__version__,
        "pyarrow": pa.__version__,
        "leadodds": code_digest([Path(str(files(room))) for room in _ROOMS]),
    }


def code_digest(packages: Sequence[Path]) -> str:
    """Hashes every module of the installed packages, sub-packages included, by relative path and content.

    Raises:
        FileNotFoundError: a package holds no module: nothing would be compared.
    """
    code = hashlib.sha256()
    for package in packages:
        modules = sorted(package.rglob("*.py"))
        if not modules:
            raise FileNotFoundError(f"{package} holds no module.")
        for module in modules:
            code.update(module.relative_to(package.parent).as_posix().encode() + module.read_bytes())
    return code.hexdigest()[:12]


def check_versions(expected: Mapping[str, str]) -> None:
    """Compares the versions of the driver with those of this worker.

    Raises:
        WorkerMismatchError: some differ.
    """
    here = versions()
    faults = [
        f"{name} {expected[name]} and {here[name]}" for name in expected if expected[name] != here[name]
    ]
    if faults:
        raise WorkerMismatchError(", ".join(faults))


def _check_java() -> None:
    # spark-submit itself needs Java.
    home = os.environ.get("JAVA_HOME")
    java = shutil.which("java", path=f"{home}/bin") if home else shutil.which("java")
    if java is None and "PYSPARK_GATEWAY_PORT" not in os.environ:
        raise JavaMissingError


def _error_of(error: Exception) -> LeadOddsError:
    """Finds the cause in the text of a Spark error."""
    text = str(error)
    if found := re.search(rf"{re.escape(UNREADABLE)}(.*?)\.(\n|$)", text):
        return SparkFailedError(found[1])
    if found := re.search(re.escape(_MISMATCH) + r"(.*?)\. Install the same", text):
        return WorkerMismatchError(found[1])
    for sign in _MISMATCH_SIGNS:
        if line := next((line for line in text.splitlines() if sign in line), None):
            return WorkerMismatchError(line.strip().rstrip("."))
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return SparkFailedError(lines[0].rstrip(".") if lines else type(error).__name__)
