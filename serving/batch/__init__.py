"""The nightly batch: every lead of a history scored and written."""
