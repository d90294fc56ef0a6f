"""MLflow's registry of versions: all code that talks to MLflow stands here."""
