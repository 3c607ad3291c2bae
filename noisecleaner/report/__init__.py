"""Report: a scored run -> one page that needs nothing else, to be shown, sent and printed."""
