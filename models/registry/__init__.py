"""MLflow's registry of versions: all code that talks to MLflow stands here."""

import os

# Read when MLflow is imported: no telemetry, and standard output belongs to our commands.
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ["MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"] = "true"
