"""Histories and features on Apache Spark."""
