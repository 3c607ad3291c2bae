"""`export-clean`: scores and the dataset they belong to -> a clean copy. The input is never touched."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from io import BytesIO
from pathlib import Path, PurePosixPath

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from PIL import Image

from noisecleaner.arrays import BoolArray, IntArray
from noisecleaner.errors import NoisecleanerError
from noisecleaner.export.copying import Copy, encoded_images, hugging_face, write_copy
from noisecleaner.files import refuse_existing, replacing
from noisecleaner.ingest import Source, open_tables, read_manifest
from noisecleaner.ingest.folders import IMAGE_ENDINGS
from noisecleaner.ingest.labels import indices
from noisecleaner.ingest.raw import with_images
from noisecleaner.progress import Progress, Stage
from noisecleaner.tables import SCORES, read_table


class OnFlag(StrEnum):
    """What happens to a flagged row."""

    DROP = "drop"
    RELABEL = "relabel"
    KEEP = "keep"


class Format(StrEnum):
    """What is written."""

    FOLDER = "folder"  # class/name.png and metadata.parquet
    PARQUET = "parquet"  # data/train-00000-of-00001.parquet


@dataclass(frozen=True)
class Exported:
    """What `export_clean` wrote, or would write.

    Args:
        path: the new directory.
        format: what it holds.
        rows: rows of the dataset.
        written: rows of the copy.
        dropped: flagged rows left out.
        relabelled: flagged rows with their suggested label.
        verified: rows that carry their verified label, flagged or not.
        skipped: rows without a score, left out.
        empty_classes: classes of which no row is left.
    """

    path: Path
    format: Format
    rows: int
    written: int
    dropped: int
    relabelled: int
    verified: int
    skipped: int
    empty_classes: list[str]


def export_clean(
    scored: Path,
    out: Path,
    *,
    on_flag: OnFlag = OnFlag.DROP,
    threshold: float | None = None,
    min_confidence: float = 0.0,
    format: Format | None = None,
    data: str | None = None,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> Exported:
    """Write a clean copy of a dataset: flagged rows dropped, relabelled or kept, verified rows as verified.

    Columns `nc_given_label`, `nc_label_quality`, … tell for each row what was known. Images are copied byte by
    byte. Rows that could not be scored are left out.

    Args:
        scored: a directory with scores.parquet: a run, or the output of `score --data`.
        out: a directory that does not exist yet.
        on_flag: what happens to flagged rows that nobody verified. `relabel` takes the suggested label where it
            is more likely than the given one, and drops the row where neither is.
        threshold: flag rows of lower label quality (after a transfer: alpha); None takes the flags as they were
            scored.
        min_confidence: with `relabel`, drop flagged rows whose suggestion is less certain.
        format: an image folder or Parquet; None writes what the input was.
        data: where the dataset is now, if it has moved since the fit.
        dry_run: only count.
        progress: is told about the rows as they are copied.

    Raises:
        NoisecleanerError: there are no scores, the dataset has changed since, or `out` cannot be used.
    """
    refuse_existing(out)
    scores, source, classes = _read_scores(scored, data)
    manifest = read_manifest(source, classes)
    for name, what in (("sample_id", "sample ids"), ("given_label", "labels")):
        if not manifest.table[name].equals(scores[name]):
            raise NoisecleanerError(
                f"The scores in {scored} must belong to {source.data}, but its {what} have changed since.",
                "Run `noisecleaner fit` again, or name the fitted data with --data.",
            )
    chosen = format or (Format.PARQUET if open_tables(source.data) is not None else Format.FOLDER)
    source.refuse_inside(out)
    flagged = _flagged(scores, threshold)
    labels, keep, counts = _decide(scores, classes, flagged, on_flag, min_confidence)
    copy = Copy(manifest, source, labels, keep, _notes(scores, flagged))
    if chosen is Format.FOLDER and encoded_images(copy) is None:
        raise NoisecleanerError(
            "--format folder needs images, but the rows bring vectors.", "Export with --format parquet."
        )
    if not dry_run:
        with (
            replacing(out) as folder,
            (progress or Progress()).stage("Copying", int(keep.sum()), "rows") as stage,
        ):
            folder.mkdir(parents=True)
            (_write_parquet if chosen is Format.PARQUET else _write_folder)(folder, copy, stage)
    present = {int(label) for label in labels[keep]}
    empty = [name for index, name in enumerate(classes) if index not in present]
    return Exported(out, chosen, len(scores), int(keep.sum()), empty_classes=empty, **counts)


def safe_names(names: list[str], used: dict[str, int] | None = None) -> list[str]:
    """Turn any texts into file names: no separators or control characters, not hidden, not too long, all different.

    Names that differ only in case count as equal, because some file systems think so.

    Args:
        names: for example sample ids.
        used: names that are taken, in lower case, each with the last number behind it; new ones are added.
    """
    taken = {} if used is None else used
    safe = []
    for name in names:
        text = re.sub(r"[^\w.+=@ -]", "_", name).strip(" .")
        base = text.encode()[:180].decode(errors="ignore").rstrip(" .") or "_"  # file systems count bytes, to 255
        base = f"_{base}" if re.fullmatch(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?", base) else base
        candidate, number = base, taken.get(base.casefold(), 1)
        while candidate.casefold() in taken:
            number += 1
            candidate = f"{base}-{number}"
        taken[base.casefold()] = number
        taken.setdefault(candidate.casefold(), 1)
        safe.append(candidate)
    return safe


def _read_scores(scored: Path, data: str | None) -> tuple[pa.Table, Source, tuple[str, ...]]:
    path = scored / "scores.parquet"
    if not path.exists():
        raise NoisecleanerError(
            f"Scores are required, but {path} does not exist.",
            f"Make them first: noisecleaner score {scored}",
        )
    scores, meta = read_table(path, SCORES)
    source = Source.from_json(meta["source"])
    return scores, with_images(replace(source, data=data or source.data)), tuple(meta["classes"])


def _flagged(scores: pa.Table, threshold: float | None) -> BoolArray:
    if threshold is None:
        return np.asarray(pc.fill_null(scores["flagged"], False))
    if not 0 <= threshold <= 1:
        raise NoisecleanerError(
            f"--threshold must lie in [0, 1], but it is {threshold}.",
            "The default is what `score(...)` was given.",
        )
    # rows of a transfer have no label quality, and rows without a label are always flagged
    by = "alpha" if scores["label_quality"].null_count == len(scores) else "label_quality"
    lower = pc.fill_null(pc.less(scores[by], threshold), False)
    return np.asarray(pc.or_(lower, pc.is_null(scores["given_label"])))


def _decide(
    scores: pa.Table, classes: tuple[str, ...], flagged: BoolArray, on_flag: OnFlag, min_confidence: float
) -> tuple[IntArray, BoolArray, Mapping[str, int]]:
    """Decide for each row which label it gets and whether it is kept, and count what happened."""
    given, suggested, verified = (
        indices(scores[name], classes) for name in ("given_label", "suggested_label", "trusted_label")
    )
    usable = np.asarray(pc.is_valid(scores["flagged"]))
    known = usable & (verified >= 0)
    open_flag = usable & flagged & ~known
    confidence = np.asarray(pc.fill_null(scores["suggested_confidence"], 0))
    # a suggestion that is less likely than the label it would replace makes things worse
    sure = (confidence >= min_confidence) & (confidence > np.asarray(pc.fill_null(scores["label_quality"], 0)))
    relabelled = open_flag & sure & (suggested >= 0) & (on_flag is OnFlag.RELABEL)
    dropped = open_flag & ~relabelled & (on_flag is not OnFlag.KEEP)
    labels = np.where(known, verified, np.where(relabelled, suggested, given))
    counts = {"dropped": dropped, "relabelled": relabelled, "verified": known, "skipped": ~usable}
    return labels, usable & ~dropped & (labels >= 0), {name: int(rows.sum()) for name, rows in counts.items()}


def _notes(scores: pa.Table, flagged: BoolArray) -> pa.Table:
    names = ("given_label", "label_quality", "alpha", "beta", "suggested_label", "suggested_confidence")
    return pa.table({**{f"nc_{name}": scores[name] for name in names}, "nc_flagged": pa.array(flagged)})


def _write_parquet(folder: Path, copy: Copy, stage: Stage) -> None:
    (folder / "data").mkdir()
    write_copy(folder / "data" / "train-00000-of-00001.parquet", copy, stage)


def _write_folder(folder: Path, copy: Copy, stage: Stage) -> None:
    """Write class/name.ext, and metadata.parquet, which Hugging Face `imagefolder` reads."""
    images = encoded_images(copy)
    assert images is not None  # noqa: S101  # `export_clean` has refused vectors
    folders = safe_names(list(copy.manifest.classes))
    paths, ids = copy.manifest.table["path"], copy.manifest.table["sample_id"]
    used: dict[str, dict[str, int]] = {name: {} for name in folders}
    rows, written = [], []
    for row, content in images:
        assert isinstance(content, bytes)  # noqa: S101  # `encoded_images` has refused everything else
        below = folders[copy.labels[row]]
        name = PurePosixPath(paths[row].as_py() or ids[row].as_py())
        (stem,) = safe_names([name.stem], used[below])
        target = folder / below / f"{stem}{_ending(name, content)}"
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(content)
        rows.append(row)
        written.append(f"{below}/{target.name}")
        stage.advance()
    _write_metadata(folder, copy, np.array(rows, dtype=np.int64), written)


def _write_metadata(folder: Path, copy: Copy, rows: IntArray, names: list[str]) -> None:
    taken = pa.array(rows)
    columns = {"file_name": pa.array(names, pa.string()), "label": pa.array(copy.labels[rows], pa.int64())}
    columns["sample_id"] = copy.manifest.table["sample_id"].take(taken)
    columns |= {name: copy.added[name].take(taken) for name in copy.added.column_names}
    described = pa.table(columns).replace_schema_metadata(hugging_face("label", copy.manifest.classes))
    pq.write_table(described, folder / "metadata.parquet", compression="zstd", write_page_checksum=True)


def _ending(name: PurePosixPath, content: bytes) -> str:
    """The file's ending: the one it has, else the one of its format."""
    if name.suffix.lower() in IMAGE_ENDINGS:
        return name.suffix
    with Image.open(BytesIO(content)) as image:
        return {"JPEG": ".jpg", "MPO": ".jpg", "TIFF": ".tif", "JPEG2000": ".jp2"}.get(
            str(image.format), f".{image.format}".lower()
        )
