"""Features as files."""
