"""Training: what a step is, when to stop, and how rows are kept from judging themselves."""
