"""The history in memory: leads, interactions, outcomes, attribute changes, and what is known at a moment."""
