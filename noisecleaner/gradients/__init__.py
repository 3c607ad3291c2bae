"""Gradients: a(c) of every row and class from one pass. Imports nothing of ours.

`alignment.py` has the primitive. `forward.py` carries tangents along the pass that is recorded anyway, `backward.py`
makes products in the backward pass where samples do not see each other. Each has a file with its rules of layers and
one with what it keeps (`tangents.py`, `products.py`).
"""
