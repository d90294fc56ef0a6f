"""The stored model: scorecard, card, bundle, and the registry of versions."""
