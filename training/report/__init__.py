"""The page that a training writes."""
