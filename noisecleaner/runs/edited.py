"""Whether somebody has worked on a flagged.csv: then it is a person's, and outlives what replaces it."""

from __future__ import annotations

import hashlib
from pathlib import Path

from noisecleaner.files import open_regular, read_regular, unused
from noisecleaner.texts import parsed_json

FLAGGED, NOISE = "flagged.csv", "noise.json"
#: Of flagged.csv; scores after a transfer have alpha as well.
COLUMNS = ("sample_id", "path", "given_label", "suggested_label", "suggested_confidence", "label_quality")
_KNOWN = frozenset((*COLUMNS, "alpha"))


def fingerprint(path: Path) -> str:
    """What tells a list from one that somebody has changed."""
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_edited(folder: Path) -> bool:
    """Whether a list is not what its score wrote; of an earlier version's, whether it has other columns.

    Args:
        folder: of the scores; one that holds no list is none that somebody has worked on.
    """
    path = folder / FLAGGED
    if not path.is_file():
        return False
    try:
        known = parsed_json(read_regular(folder / NOISE))["flagged_csv"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):  # none, an earlier version's, or damaged
        known = None
    if isinstance(known, str):
        return fingerprint(path) != known
    with open_regular(path) as file:
        line = file.readline(2**16)
    columns = line.decode("utf-8-sig", "replace").strip().split(",")
    return any(name.strip('"') not in _KNOWN for name in columns)


def kept_as(folder: Path) -> Path:
    """Where a list that somebody has worked on is kept: under a name that no file has there."""
    return unused((folder / FLAGGED).with_stem("flagged-edited"))
