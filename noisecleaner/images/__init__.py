"""Images: one encoded image -> pixels, within limits of memory and time, whatever its file asks for."""
