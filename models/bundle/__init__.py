"""The stored files of one version."""
