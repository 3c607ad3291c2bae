"""Export: scores and the dataset they belong to -> copies of it. One file = one format."""
