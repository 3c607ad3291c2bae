"""One file = one chart: values of a report -> a picture that a page holds, and the same numbers as a table."""
