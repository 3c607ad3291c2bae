"""What to type next, where a person has a table to fill in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from noisecleaner.commands.wording import command

if TYPE_CHECKING:
    from noisecleaner.planning.form import Form, ScoredForm
    from noisecleaner.review.writing import ReviewResult


def taking_back(form: ScoredForm) -> str:
    """What takes a table of scored rows back, as Python: new rows are named again."""
    from noisecleaner.planning import to_score, to_score_new

    if form.source is None:
        return to_score(form.scores, str(form.path))
    return to_score_new(form.source, str(form.path), run=form.run, scores=form.scores)


def filling_in(form: Form, column: str, back: str, *, names: str | None) -> list[str]:
    """Say how a table is filled in, and which command takes it back then.

    Args:
        form: the table.
        column: to fill in.
        back: the call that takes it back, as Python.
        names: the file of class names, where it is known.
    """
    from noisecleaner.pages.dataset import shows_images
    from noisecleaner.planning import to_review
    from noisecleaner.review.sheet import Kind

    if not shows_images(form.drawn_from):
        return [*_by_hand(form, column), f"Then: {command(back)}", *_placeholder(command(back))]
    saved = next(kind.table for kind in Kind if kind.column == column)
    review, then = command(to_review(form, names=names)), command(back)
    return [
        f"Next: {review}",
        f"It shows the images, and gives a {saved}.csv to pass in place of {form.path}. Or fill in the column "
        f"{column} there with the true class of each row, and keep the other columns.",
        f"Then: {then}",
        *_placeholder(review, then),
    ]


def _by_hand(form: Form, column: str) -> list[str]:
    """Say how a table is filled in of rows that no page can show."""
    fill = (
        f"Next: fill in the column {column} of {form.path} by hand, with the true class of each row, and keep the "
        "other columns. The rows bring no images that a page could show."
    )
    if form.path.suffix != ".parquet":
        return [fill]
    text = form.path.with_suffix(".csv")
    return [fill, f"For a spreadsheet, plan again with --out {text}: the same options draw the same rows."]


def answering(written: ReviewResult, words: Callable[[str], str]) -> list[str]:
    """Say what to do with pages, and which of the files that they save is the one.

    Args:
        written: the pages.
        words: puts a command in place of Python in backticks.
    """
    table, back = written.table, words(written.back).strip("`")
    keys = "answer with the keyboard (? tells the keys)"
    save = [f"Open it in a browser, {keys}, and save {table}."]
    if len(written.paths) > 1:
        part = Path(table).with_stem(f"{Path(table).stem}-1")
        save = [
            f"Open them all in one browser, in any order, and {keys}: they know of each other.",
            f"Save on the page that you finish last: its {table} holds all answers, and is the file to go on with. "
            f"What a page saves before all are finished ({part}, …) is a part that is good for a break.",
        ]
    following = f"Next: {back}" if back else f"Next: give {table} to --trusted, as `plan` has said."
    return [*save, following, *_placeholder(back)]


def _placeholder(*commands: str) -> list[str]:
    """Say what a word stands for that only whoever typed it before knows."""
    asked = any(" --label-names FILE" in one for one in commands)
    return ["FILE is the file of class names that was given before."] if asked else []
