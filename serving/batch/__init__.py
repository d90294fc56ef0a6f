"""The nightly batch, which scores every lead of a history and writes the scores."""
