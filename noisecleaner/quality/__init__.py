"""Quality: which rows are wrong, as calibrated probabilities. No torch, no tables."""
