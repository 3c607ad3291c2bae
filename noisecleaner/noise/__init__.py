"""Noise: how much is wrong, with intervals that hold what they promise. No torch, no tables."""
