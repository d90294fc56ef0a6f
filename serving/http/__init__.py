"""What stands around every route: bodies, keys, problems, logs, metrics, shutdown."""
