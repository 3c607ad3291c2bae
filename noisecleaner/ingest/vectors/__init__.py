"""Vectors that stand in a column, or in a file beside the rows."""
