"""Tables of any kind: their columns, and what their rows tell of images and splits."""
