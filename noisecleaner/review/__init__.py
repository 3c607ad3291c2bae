"""Review: rows that a person looks at with the keyboard -> pages that need nothing else, and give tables back."""
