"""Why an image has no pixels."""

from __future__ import annotations

from enum import StrEnum


class Failure(StrEnum):
    """A reason; `ingest.Skip` has the same."""

    UNREADABLE = "unreadable"
    TRUNCATED = "truncated"
    TOO_LARGE = "too_large"
    TOO_SLOW = "too_slow"
    UNSUPPORTED_FORMAT = "unsupported_format"
