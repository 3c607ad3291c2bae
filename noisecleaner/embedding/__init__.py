"""`embed`: a dataset of images -> shards of Parquet with a vector for each row, to be audited anywhere."""
