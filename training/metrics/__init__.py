"""Metrics of each task kind, and the one score over all tasks."""
