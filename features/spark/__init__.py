"""Reads histories and computes features on Apache Spark."""
