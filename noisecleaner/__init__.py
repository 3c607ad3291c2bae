"""Find the wrong labels in an image dataset, using the few labels its owner has verified."""

__version__ = "0.1.0"
