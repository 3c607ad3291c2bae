"""Faults, hostile input and load: each test counts what it tried, and prints it."""
