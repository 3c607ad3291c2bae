"""Rows that cannot be used: counted by reason, with an example and its likely cause."""

from __future__ import annotations

import os

import pyarrow as pa
import pyarrow.compute as pc

from noisecleaner.errors import listed
from noisecleaner.images.limits import MAX_SECONDS
from noisecleaner.ingest.files.kinds import described
from noisecleaner.ingest.files.lost_files import why_missing
from noisecleaner.ingest.files.places import Place
from noisecleaner.ingest.files.walk import first_bytes
from noisecleaner.ingest.manifest import Manifest, Skip
from noisecleaner.ingest.payloads import ImageColumn, ImageFiles
from noisecleaner.notices import Notice
from noisecleaner.texts import agreeing, printable, shortened

#: Characters of a path that are told.
_LENGTH = 300
#: Files that are opened to see what they hold.
_OPENED = 100


def skip_notice(rows: Manifest, code: str = "rows-skipped", what: str = "rows") -> Notice | None:
    """Tell how many rows are skipped, and why; None where all can be used.

    Args:
        rows: after their images were looked at.
        code: of the notice.
        what: what the rows are called.
    """
    reasons = {reason: count for reason, count in rows.skips().items() if reason != Skip.IN_DATASET}
    if not reasons:
        return None
    total, skipped = len(rows) - rows.skips().get(Skip.IN_DATASET, 0), sum(reasons.values())
    told = ", ".join(f"{count:,} {reason} ({_example(rows, reason, count)})" for reason, count in reasons.items())
    usable = f"{total - skipped:,} of {total:,} {what} can be used, {skipped:,} {agreeing(skipped)} skipped"
    return Notice(code=code, message=f"{usable}: {told}.{causes(rows)}")


def _example(rows: Manifest, reason: str, count: int) -> str:
    """Name the first row with a reason: `such as r7`, or `r7` where it is the only one."""
    skipped = pc.fill_null(pc.equal(rows.table["skip_reason"], reason), False)
    first = _shown(rows.table["sample_id"].filter(skipped)[0].as_py())
    return first if count == 1 else f"such as {first}"


def causes(rows: Manifest) -> str:
    """Say of each reason that has to do with files what the first one is, and what likely went wrong.

    Returns:
        Sentences that begin with a blank; empty where there is nothing to say.
    """
    reasons = rows.skips()
    text = ""
    if Skip.MISSING_FILE in reasons:
        text += _missing(rows)
    if Skip.UNSUPPORTED_FORMAT in reasons:
        text += _unsupported(rows)
    if Skip.LFS_POINTER in reasons:
        text += " Files that are pointers of Git LFS come with `git lfs pull`."
    if Skip.TOO_SLOW in reasons:
        text += f" {_shown(_first(rows, Skip.TOO_SLOW))} would take more than {MAX_SECONDS:.0f} seconds of a core to "
        text += "decode: save it anew."
    if Skip.NOT_FINITE in reasons:
        first = rows.table["sample_id"].filter(_skipped(rows, Skip.NOT_FINITE))[0].as_py()
        text += f" The vector of {_shown(first)} holds NaN, infinity or a number beyond single precision."
    if Skip.FAR_OUTSIDE in reasons:
        far = rows.table["sample_id"].filter(_skipped(rows, Skip.FAR_OUTSIDE)).to_pylist()
        text += f" The {'vector' if len(far) == 1 else 'vectors'} of {listed([_shown(name) for name in far], 5)} "
        text += f"{agreeing(len(far), 'lies', 'lie')} so far from all others that they would look the same beside "
        text += f"{agreeing(len(far), 'it', 'them')}: compute {agreeing(len(far), 'it', 'them')} again."
    if Skip.EMPTY_FILE in reasons:
        text += f" {_shown(_first(rows, Skip.EMPTY_FILE))} holds no bytes."
    if Skip.UNKNOWN_CLASS in reasons:
        text += f" Labels that are no class: {_unknown(rows)}."
    return text


def _missing(rows: Manifest) -> str:
    """The first file that was looked for and not found, by its whole path."""
    path, root = _first(rows, Skip.MISSING_FILE), _root(rows)
    if root is None or path is None:
        return ""
    return f" The first file that is missing is {_shown(str(root / path))}.{printable(why_missing(root, path))}"


def _unsupported(rows: Manifest) -> str:
    """What the first files hold that are no images that are decoded, each kind with one of its files."""
    root = _root(rows)
    if root is None or not root.local:
        return ""
    kinds: dict[str, str] = {}
    for path in _paths(rows, Skip.UNSUPPORTED_FORMAT)[:_OPENED]:
        if path is not None and (words := described(first_bytes(os.path.join(root.path, path)))):
            kinds.setdefault(words, path)
    hints = {"HEIF": " (photographs of this kind are read where pillow-heif is installed)"}
    found = [f"{_shown(path)} holds {words}{hints.get(words, '')}" for words, path in kinds.items()]
    return f" {listed(found, 4)}." if found else ""


def _unknown(rows: Manifest) -> str:
    """The labels that no class is called like."""
    labels = rows.table["given_label"].filter(pc.equal(rows.table["skip_reason"], Skip.UNKNOWN_CLASS.value))
    return listed([_shown(name) for name in pc.unique(labels).to_pylist()], 3)


def _first(rows: Manifest, reason: Skip) -> str | None:
    """The path of the first row with a reason."""
    return _paths(rows, reason)[0]


def _paths(rows: Manifest, reason: Skip) -> list[str | None]:
    """The paths of the rows with a reason."""
    paths: list[str | None] = rows.table["path"].filter(_skipped(rows, reason)).to_pylist()
    return paths


def _skipped(rows: Manifest, reason: Skip) -> pa.ChunkedArray:
    """Which rows have a reason, booleans of shape [rows]."""
    return pc.fill_null(pc.equal(rows.table["skip_reason"], reason.value), fill_value=False)


def _root(rows: Manifest) -> Place | None:
    """Where the paths start."""
    payload = rows.payload
    if isinstance(payload, ImageFiles):
        return payload.root
    return payload.files.root if isinstance(payload, ImageColumn) else None


def _shown(path: str | None) -> str:
    return shortened(printable(path or "an image"), _LENGTH)
