"""Paths whose letters are composed in another way than on the disk: macOS writes u and two dots, others write ü."""

from __future__ import annotations

import os
import unicodedata

from noisecleaner.ingest.files.places import Place


def in_other_form(root: Place, path: str) -> Place | None:
    """Find a file that is called like a path, but in another Unicode form.

    Args:
        root: where the path starts.
        path: as a table tells it; nothing is there.

    Returns:
        The file; None where there is none, or where it is a link to somewhere else.
    """
    place = root
    for name in path.split("/"):
        forms = dict.fromkeys((name, *(unicodedata.normalize(form, name) for form in ("NFC", "NFD"))))
        found = (place / form for form in forms)
        there = next((other for other in found if other.is_dir() or other.is_file()), None)
        if there is None:
            return None
        place = there
    return place if place.is_file() and _stays(root, path, place) else None


def _stays(root: Place, path: str, found: Place) -> bool:
    """Whether a file lies where its path says, links resolved: the path was checked, this file was not."""
    if not root.local:
        return True
    meant = os.path.join(os.path.realpath(root.path), path)
    return composed(os.path.realpath(found.path)) == composed(os.path.normpath(meant))


def composed(path: str) -> str:
    """Write a path in the one form in which paths are compared."""
    return unicodedata.normalize("NFC", path)
