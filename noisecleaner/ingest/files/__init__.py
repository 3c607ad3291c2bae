"""Folders, files and tables, wherever they lie: what is in them, and what cannot be read."""
