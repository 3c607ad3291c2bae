"""Labels that somebody verified or corrected find their rows, and are asked whether they can be what they claim."""
