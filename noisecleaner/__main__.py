"""`python -m noisecleaner`."""

from noisecleaner.cli import main

main()
