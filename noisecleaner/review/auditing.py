"""A plan -> what a person is asked, blind: nothing but images and the names of all classes."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from noisecleaner.arrays import IntArray
from noisecleaner.errors import NoisecleanerError, listed
from noisecleaner.ingest import Manifest, Source, read_manifest
from noisecleaner.ingest.labels.indices import SECOND
from noisecleaner.noise.sampling import unequal
from noisecleaner.pages.dataset import moved, pictured, refuse_changed
from noisecleaner.planning import FilledForm, Origin, read_form, to_fit, to_score, to_score_new
from noisecleaner.review.sheet import Kind, Sheet, SheetRow
from noisecleaner.runs.scored_run import ScoredRun
from noisecleaner.texts import agreeing, counted

_SHOWN = 3


def audit(plan: Path, data: Source | None) -> tuple[Sheet, Manifest]:
    """Read a plan and the dataset that it was drawn from.

    Args:
        plan: a table that `plan` or `recheck` wrote, or a CSV of one.
        data: where the dataset is, if the plan does not tell, or it has moved.

    Returns:
        What is asked, and the dataset.

    Raises:
        NoisecleanerError: the plan is none, all its rows have an answer, or its dataset is not there.
    """
    _refuse_no_table(plan)
    form = read_form(plan)
    read = _source(plan, form.origin, data)
    source = pictured(read)
    manifest = read_manifest(source, form.origin.classes if form.origin else None)
    if form.origin and form.origin.run and ScoredRun.has_scores(Path(form.origin.run)):
        refuse_changed(manifest, ScoredRun(Path(form.origin.run)), source)
    rows = _rows(form)
    order = _shuffled(form, np.array([place for place, row in enumerate(rows) if not row.known], np.int64))
    if not len(order):
        raise NoisecleanerError(
            f"A page is for rows without a label, but all {counted(len(rows), 'row')} of {plan} have one.",
            "Draw new ones: `plan(RUN, out=FILE)`.",
        )
    kind = Kind.RECHECK if form.column == SECOND else Kind.AUDIT
    sheet = Sheet(
        kind=kind,
        classes=manifest.classes,
        none_label=form.origin.none_label if form.origin else manifest.none_label,
        rows=rows,
        order=order,
        numbers=_numbers(form, manifest, order, source),
        source=source,
        aside=_aside(len(rows) - len(order)),
        back=_back(form, read, f"{kind.table}.csv"),
    )
    return sheet, manifest


def _refuse_no_table(plan: Path) -> None:
    """Refuse what is no file.

    Raises:
        NoisecleanerError: it is a directory, such as a run, or nothing.
    """
    if not plan.exists():
        raise NoisecleanerError(
            f"Rows to verify stand in a plan, a table, but {plan} does not exist.",
            "Draw rows first: `plan(RUN, out=FILE)`, or before any fit `plan_data(DATA, out=FILE)`.",
        )
    if plan.is_dir():
        raise NoisecleanerError(
            f"Rows to verify stand in a plan, a table, but {plan} is a directory.",
            f"Draw rows first (`plan({str(plan)!r}, out=FILE)`), or ask for flagged ones with `flagged=True`.",
        )


def _source(plan: Path, origin: Origin | None, data: Source | None) -> Source:
    if origin is not None:
        return moved(origin.source, data)
    if data is None:
        raise NoisecleanerError(
            f"The images of a plan must be found, but {plan} does not tell where they are: a CSV cannot, nor can a "
            "plan of an earlier version.",
            "Name the dataset with `data=DATA`, and its columns as for a fit.",
        )
    return data


def _rows(form: FilledForm) -> tuple[SheetRow, ...]:
    drawn = np.full(len(form), np.nan) if form.probability is None else form.probability
    return tuple(
        SheetRow(sample_id=name, probability=chance if np.isfinite(chance) else None, known=(label or "").strip())
        for name, chance, label in zip(form.ids.to_pylist(), drawn.tolist(), form.labels.to_pylist(), strict=True)
    )


def _shuffled(form: FilledForm, places: IntArray) -> IntArray:
    """Put rows in an order that tells nothing, and is the same for the same plan."""
    names = hashlib.sha256("\0".join(form.ids.to_pylist()).encode()).digest()
    return np.random.default_rng(np.frombuffer(names, np.uint32)).permutation(places)


def _numbers(form: FilledForm, manifest: Manifest, order: IntArray, source: Source) -> IntArray:
    """Find the rows of the dataset.

    Raises:
        NoisecleanerError: some of them are not in it.
    """
    ids = form.ids.take(pa.array(order))
    found = manifest.rows_of(ids)
    lost = ids.filter(pc.is_null(found))
    if len(lost):
        raise NoisecleanerError(
            f"The rows of a plan must be rows of its dataset, but {counted(len(lost), 'row')} (such as "
            f"{listed(lost.slice(0, _SHOWN).to_pylist())}) {agreeing(len(lost))} not in {source.data}.",
            "Name the dataset that the plan was drawn from with `data=DATA`.",
        )
    return np.asarray(found, np.int64)


def _aside(known: int) -> str:
    if not known:
        return ""
    rows = f"{counted(known, 'more row')} of the plan {agreeing(known, 'has', 'have')} an answer already"
    return f"{rows}: not shown, but in the file."


def _back(form: FilledForm, source: Source, table: str) -> str:
    """What takes the answers back; nothing where nobody knows."""
    if form.origin is None or form.origin.run is None:
        # a table of text does not say of which run it is, if it is of one
        of_a_run = form.origin is None and (form.column == SECOND or _weighed(form))
        return "" if of_a_run else to_fit(source, table)
    scores = Path(form.origin.run)
    if (scores / "run.json").exists():
        return to_score(scores, table)
    if not ScoredRun.has_scores(scores):  # it has moved
        return ""
    return to_score_new(source, table, run=ScoredRun(scores).metadata.run, scores=scores)


def _weighed(form: FilledForm) -> bool:
    """Whether rows were drawn with unequal probabilities, as only the scores of a run tell them."""
    return form.probability is not None and unequal(form.probability)
