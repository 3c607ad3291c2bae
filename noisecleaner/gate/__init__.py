"""The gate: a scored run and rules -> findings, a verdict, an exit code."""
