"""Labels as users write them, and as classes, numbers and nothing."""
