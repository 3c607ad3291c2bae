"""`report`: a scored run -> a page and the JSON of its numbers, both or none of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from noisecleaner.errors import NoisecleanerError
from noisecleaner.files import AnyPath, alone, located, named, shared, spelled, together, write_json
from noisecleaner.ingest import Skip, Source, read_manifest
from noisecleaner.ingest.payloads import ImageColumn, ImageFiles
from noisecleaner.ingest.vectors.orders import AnyVectors
from noisecleaner.pages.dataset import pictured, refuse_changed
from noisecleaner.pages.outputs import refuse_no_page, refuse_strangers
from noisecleaner.pages.pictures import Thumbnail, thumbnails
from noisecleaner.progress import Progress
from noisecleaner.report.contents import Report
from noisecleaner.report.gallery import CARD, SMALL, Gallery
from noisecleaner.report.gathering import gather
from noisecleaner.report.neighbours import with_neighbours
from noisecleaner.report.page import MARK, fragment, page
from noisecleaner.runs.scored_run import ScoredRun

#: Begins report.json: what has it may be replaced by another.
_KIND = "noisecleaner-report"


@dataclass(frozen=True, kw_only=True)
class ReportResult:
    """What `report` wrote.

    Args:
        path: the page.
        numbers: the JSON file beside it.
        rows: of the gallery.
        pictures: rows of it that have one.
        note: why there are none; empty where there are, or nobody asked for them.
        bytes: of the page.
    """

    path: Path
    numbers: Path
    rows: int
    pictures: int
    note: str
    bytes: int


def report(
    run: AnyPath,
    out: AnyPath,
    *,
    rows: int = 200,
    images: bool = True,
    data: AnyPath | None = None,
    words: Callable[[str], str] = str,
    progress: Progress | None = None,
) -> ReportResult:
    """Write a page that shows a scored run and needs nothing else, and the JSON of the same numbers beside it.

    Equal runs give equal bytes; SOURCE_DATE_EPOCH is told as the date of the page where it is set.

    Args:
        run: a run directory after `score`, or the output of `score_new`.
        out: the page, a name that ends in .html; an earlier report there is replaced, nothing else.
        rows: of the gallery at most, the worst first.
        images: whether rows are shown with their images, where the dataset has some.
        data: where the dataset is now, if it has moved since the fit.
        words: puts other words in place of the Python that stands in backticks in messages.
        progress: is told about the rows as their images are read.

    Raises:
        NoisecleanerError: there are no scores, they are damaged, or `out` cannot be used.
    """
    run, out = located(run), located(out)
    if rows < 0:
        raise NoisecleanerError(f"`rows` must be 0 or more, but it is {rows}.", "The default is `rows=200`.")
    progress = progress or Progress()
    with shared(run, work="report", progress=progress):
        scored = ScoredRun(run)
        source = replace(scored.metadata.source, data=spelled(data) or scored.metadata.source.data)
        refuse_no_page(out, source, what="A report is an HTML file and a JSON file beside it")
        with alone(out, work="report", progress=progress):
            marks = {out: MARK, out.with_suffix(".json"): json.dumps({"kind": _KIND})[1:-1]}
            refuse_strangers(marks, what="report")
            told = gather(scored, rows=rows)
            if images and told.gallery.rows:
                told = replace(told, gallery=_pictured(told.gallery, scored, source, progress))
            return _written(out, told.worded(words))


def _written(out: Path, told: Report) -> ReportResult:
    """Write both files, or none of them."""
    numbers = out.with_suffix(".json")
    text = page(told).encode("utf-8")
    home = named(out).parent
    with together(home, out.name) as staged:
        (staged / out.name).write_bytes(text)
        write_json(staged / numbers.name, {"kind": _KIND, "schema_version": 1, **told.to_json()})
    gallery = told.gallery
    pictures = sum(row.picture is not None for row in gallery.rows)
    return ReportResult(
        path=out, numbers=numbers, rows=len(gallery.rows), pictures=pictures, note=gallery.note, bytes=len(text)
    )


def shown(run: Path) -> str:
    """Make what a notebook shows of a scored run: its numbers and charts as HTML.

    Raises:
        NoisecleanerError: one of its files is missing or damaged.
    """
    return fragment(gather(ScoredRun(run), rows=0))


def _pictured(gallery: Gallery, run: ScoredRun, source: Source, progress: Progress) -> Gallery:
    """Add pictures, and rows that look alike; say why not where the dataset cannot be read, or has none."""
    try:
        manifest = read_manifest(pictured(source), run.metadata.classes)
        refuse_changed(manifest, run, source)
    except NoisecleanerError as error:
        return replace(gallery, note=f"Images are not shown: {error.message}")
    payload = manifest.payload
    if not isinstance(payload, (ImageFiles, ImageColumn)):
        return replace(gallery, note="The rows bring vectors: there are no images to show.")
    gallery = replace(gallery, rows=with_neighbours(gallery.rows, run, _embeddings(run, source)))
    own = {row.row for row in gallery.rows}
    near = {other.row for row in gallery.rows for other in row.neighbours}
    with progress.stage("Reading images", len(own) + len(near), "images") as stage:
        pictures = dict[int, Thumbnail | Skip]()
        for row, picture in thumbnails(payload, np.array(sorted(own), np.int64), size=CARD):
            stage.advance()
            pictures[row] = picture
        small = dict[int, Thumbnail]()
        for row, picture in thumbnails(payload, np.array(sorted(near), np.int64), size=SMALL):
            stage.advance()
            small |= {} if isinstance(picture, Skip) else {row: picture}
    return gallery.with_pictures(pictures, small)


def _embeddings(run: ScoredRun, source: Source) -> AnyVectors | None:
    """The embeddings that a file brings beside the images; None where there are none, or not any more."""
    if pictured(source) == source:
        return None
    try:
        manifest = read_manifest(source, run.metadata.classes)
        refuse_changed(manifest, run, source)
    except NoisecleanerError:
        return None
    vectors = manifest.payload
    return vectors if isinstance(vectors, AnyVectors) and vectors.kind == "embeddings" else None
