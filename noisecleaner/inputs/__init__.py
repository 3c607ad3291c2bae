"""Inputs: a manifest -> the arrays that training indexes, and the batches made of them."""
