"""The commands: one function each, which calls one library function and shows what it returns."""
