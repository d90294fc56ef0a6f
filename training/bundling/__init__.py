"""The bundle of a training."""
