"""`verify`: whether what was written is still what was written, bit for bit."""
