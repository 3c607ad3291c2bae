"""Gradients: a(c) of every row and class from one pass. Imports nothing of ours."""
