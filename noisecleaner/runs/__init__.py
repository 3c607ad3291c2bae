"""Runs: the files of a run directory, each one written and read by one module."""
