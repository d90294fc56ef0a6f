"""Which version answers, read without MLflow."""
