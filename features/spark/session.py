"""A session of Spark as the user configured it, and what may be wrong with it, in one sentence each."""

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
_MISMATCH: Final = "These differ between the driver and a worker: "
# What Spark says where Python or Spark itself differs, or a library is not there.
_MISMATCH_SIGNS: Final = (
    "PYTHON_VERSION_MISMATCH",
    "InvalidClassException",
    "ModuleNotFoundError",
    "RpcEnvironment version",
)


class SparkMissingError(LeadOddsError):
    """No pyspark."""

    def __init__(self) -> None:
        super().__init__(
            'pyspark is not installed. Install it with "pip install leadodds[spark]", or leave out --engine.'
        )


class JavaMissingError(LeadOddsError):
    """No Java, or none that starts Spark."""

    def __init__(self) -> None:
        super().__init__(
            "Spark needs Java, and none of version 17 or later starts. "
            "Install one, name its folder in JAVA_HOME, or leave out --engine spark."
        )


class WorkerMismatchError(LeadOddsError):
    """Driver and worker do not run the same, and so might not compute the same."""

    def __init__(self, fault: str) -> None:
        super().__init__(
            f"{_MISMATCH}{fault}. Install the same versions on all machines, "
            "and name that Python in PYSPARK_PYTHON."
        )


class SparkFailedError(LeadOddsError):
    """Spark gave up."""

    def __init__(self, fault: str) -> None:
        super().__init__(f"Spark gave up: {fault}. Nothing was published; its own log says more.")


@contextmanager
def spark_session() -> Iterator[Any]:
    """Opens the session that spark-submit, spark-defaults or SPARK_MASTER name; else all cores here.

    Raises:
        LeadOddsError: no pyspark, no Java, other versions on a worker, or whatever else Spark fails of.
    """
    try:
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession
    except ImportError:
        raise SparkMissingError from None
    _check_java()
    # Workers take the Python of the driver unless told otherwise.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.appName("leadodds").config("spark.executorEnv.OMP_NUM_THREADS", "1")
    if master := os.environ.get("SPARK_MASTER"):
        builder = builder.master(master)
    try:
        session = builder.getOrCreate()
    except PySparkException as error:
        raise (JavaMissingError() if "JAVA_GATEWAY_EXITED" in str(error) else _told(error)) from error
    # What Arrow and other readers take for moments; Spark's own form has no zone.
    session.conf.set("spark.sql.parquet.outputTimestampType", "TIMESTAMP_MICROS")
    session.conf.set("spark.sql.session.timeZone", "UTC")
    try:
        yield session
    except PySparkException as error:
        raise _told(error) from error
    finally:
        session.stop()


@cache
def versions() -> Mapping[str, str]:
    """What has to be the same on all machines so that the same bits come out."""
    return {
        "Python": ".".join(map(str, sys.version_info[:2])),
        "numpy": np.__version__,
        "pyarrow": pa.__version__,
        "leadodds": code_digest([Path(str(files(room))) for room in _ROOMS]),
    }


def code_digest(packages: Sequence[Path]) -> str:
    """Hashes every module of the installed packages, sub-packages included, by relative path and content.

    Raises:
        FileNotFoundError: a package holds no module, so that nothing would be compared.
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
    # Who started us with spark-submit has Java.
    home = os.environ.get("JAVA_HOME")
    java = shutil.which("java", path=f"{home}/bin") if home else shutil.which("java")
    if java is None and "PYSPARK_GATEWAY_PORT" not in os.environ:
        raise JavaMissingError


def _told(error: Exception) -> LeadOddsError:
    """Finds the sentence in what Spark says of a failure."""
    said = str(error)
    if found := re.search(re.escape(_MISMATCH) + r"(.*?)\. Install the same", said):
        return WorkerMismatchError(found[1])
    for sign in _MISMATCH_SIGNS:
        if line := next((line for line in said.splitlines() if sign in line), None):
            return WorkerMismatchError(line.strip().rstrip("."))
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return SparkFailedError(lines[0].rstrip(".") if lines else type(error).__name__)
