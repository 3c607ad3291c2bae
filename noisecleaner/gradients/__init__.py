"""Gradients: a(c) of every row and class from one pass. Imports nothing of ours.

`alignment.py` has the primitive. `forward.py` carries tangents along the pass that is recorded anyway, `backward.py`
makes products in the backward pass where samples do not see each other. Each has its rules of layers in files that are
called after it, and one with what it keeps (`tangents.py`, `products.py`); `attention.py` serves both.
`grouped.py` gives the gradients of groups of a batch (`groups.py`) in one pass.
"""
