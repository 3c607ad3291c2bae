"""`review`: a plan, or the flagged rows of a scored run -> pages for the keyboard, all of them or none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from noisecleaner.errors import NoisecleanerError
from noisecleaner.files import AnyPath, alone, located, named, shared, spelled, together
from noisecleaner.ingest import Skip, Source
from noisecleaner.pages.outputs import refuse_no_page, refuse_strangers
from noisecleaner.progress import Progress, Stage
from noisecleaner.review.auditing import audit
from noisecleaner.review.fixing import flagged as of_flagged
from noisecleaner.review.page import MARK, Leaf
from noisecleaner.review.pictures import LinkedPictures, PackedPictures, Picture, pictures_of
from noisecleaner.review.sheet import Sheet
from noisecleaner.review.shelf import Shelf
from noisecleaner.runs.scored_run import ScoredRun

#: Images in a page: a plan has more pages where it has more rows; of flagged rows there is one.
_ROWS, _FLAGGED = 1_000, 300


@dataclass(frozen=True, kw_only=True)
class ReviewResult:
    """What `review` wrote.

    Args:
        paths: the pages.
        kind: what is asked: audit, recheck or fix.
        rows: images in all pages.
        lost: why others cannot be shown: reason -> rows.
        known: rows of the plan that have an answer already.
        aside: what is said of rows that are not shown, a sentence or nothing.
        table: the name of the file that a page saves.
        back: the call that takes that file, as Python.
        bytes: of all pages.
    """

    paths: tuple[Path, ...]
    kind: str
    rows: int
    lost: dict[str, int]
    known: int
    aside: str
    table: str
    back: str
    bytes: int


def review(
    place: AnyPath,
    out: AnyPath,
    *,
    flagged: bool = False,
    data: Source | AnyPath | None = None,
    rows: int | None = None,
    link_images: bool = False,
    words: Callable[[str], str] = str,
    progress: Progress | None = None,
) -> ReviewResult:
    """Write pages in which a person verifies or corrects rows with the keyboard, and saves a table of the answers.

    Of a plan nothing is shown but images, in an order that tells nothing: who sees a suggestion agrees with it. Rows
    that have an answer already are not shown, but are in the table that is saved. Equal inputs give equal bytes.

    Args:
        place: a table that `plan` wrote; with `flagged` a run directory after `score`, or the output of `score_new`.
        out: the page, a name that ends in .html; of several, `verify-1.html`, `verify-2.html`, … Earlier pages there
            are replaced, nothing else.
        flagged: whether flagged rows are shown, with their given and suggested labels, to be corrected.
        data: where the dataset is, if a plan does not tell (a CSV), or it has moved; its columns are those of the plan
            where that tells them.
        rows: images in a page; 1,000 of a plan, the worst 300 of flagged rows.
        link_images: whether image files are linked where they lie instead of packed into the page.
        words: puts other words in place of the Python that stands in backticks in messages.
        progress: is told about the rows as their images are read.

    Raises:
        NoisecleanerError: there is nothing to show, the dataset is not there or has no images, or `out` cannot be used.
    """
    place, out = located(place), located(out)
    where = data if isinstance(data, Source) or data is None else Source(spelled(data))
    most = (_FLAGGED if flagged else _ROWS) if rows is None else rows
    if most < 1:
        raise NoisecleanerError(f"`rows` must be 1 or more, but it is {most}.", "Leave it out for the default.")
    progress = progress or Progress()
    with shared(place, work="review", progress=progress):
        sheet, manifest = of_flagged(ScoredRun(place), where, most=most) if flagged else audit(place, where)
    paths = _paths(out, -(-len(sheet.order) // most))
    for path in paths:
        refuse_no_page(path, sheet.source, what="A page is an HTML file")
    images = pictures_of(manifest, sheet.source, linked_from=out.parent if link_images else None)
    table = f"{sheet.kind.table}.csv"
    with (
        alone(out, work="review", progress=progress),
        progress.stage("Reading images", len(sheet.order), "images") as stage,
    ):
        refuse_strangers(dict.fromkeys(paths, MARK), what="review page")
        written = _write(paths, _leaves(sheet, images, most=most, back=words(sheet.back), stage=stage))
    return ReviewResult(
        paths=tuple(paths),
        kind=sheet.kind.value,
        known=len(sheet.rows) - len(sheet.order),
        aside=sheet.aside,
        table=table,
        back=sheet.back,
        **written._asdict(),
    )


class _Written(NamedTuple):
    """Images in all pages, why others cannot be shown, and bytes."""

    rows: int
    lost: dict[str, int]
    bytes: int


def _paths(out: Path, pages: int) -> list[Path]:
    return [out] if pages == 1 else [out.with_stem(f"{out.stem}-{number}") for number in range(1, pages + 1)]


def _leaves(
    sheet: Sheet, images: PackedPictures | LinkedPictures, *, most: int, back: str, stage: Stage
) -> Iterator[Leaf]:
    """Make the pages one after the other: the images of all of them may be more than memory holds."""
    starts = range(0, len(sheet.order), most)
    with Shelf() as shelf:
        for start in starts:
            shelf.put(_pictures(sheet, images, slice(start, start + most), stage))
        for number, pictures in enumerate(shelf.pages(), 1):
            yield Leaf(
                sheet=sheet,
                pictures=pictures,
                prints=shelf.prints,
                missing=shelf.lost,
                number=number,
                of=len(starts),
                policy=images.policy,
                back=back,
            )


def _write(paths: list[Path], leaves: Iterable[Leaf]) -> _Written:
    """Write all pages, or none of them."""
    rows, size, lost = 0, 0, Counter[str]()
    real = [named(path) for path in paths]
    with together(real[0].parent, real[0].name) as staged:
        for path, leaf in zip(paths, leaves, strict=True):
            text = leaf.html().encode("utf-8")
            (staged / path.name).write_bytes(text)
            rows, size = rows + len(leaf.shown), size + len(text)
            lost.update(leaf.lost)
    return _Written(rows=rows, lost=dict(lost), bytes=size)


def _pictures(
    sheet: Sheet, images: PackedPictures | LinkedPictures, part: slice, stage: Stage
) -> dict[int, Picture | Skip]:
    """Read the pictures of a page: place in the rows of the sheet -> picture, in the order in which they are shown."""
    numbers = sheet.numbers[part]
    found = dict(_advancing(images.of(np.sort(numbers)), stage))
    return {place: found[row] for place, row in zip(sheet.order[part].tolist(), numbers.tolist(), strict=True)}


def _advancing(made: Iterator[tuple[int, Picture | Skip]], stage: Stage) -> Iterator[tuple[int, Picture | Skip]]:
    for one in made:
        stage.advance()
        yield one
