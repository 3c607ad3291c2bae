"""Several processes that train together, as torchrun starts them: who is who, what they share, how they end."""
