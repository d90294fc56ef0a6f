"""The one way from a history to answers."""
