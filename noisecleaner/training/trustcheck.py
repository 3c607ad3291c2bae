"""What may be wrong with the trusted rows themselves: each check returns a notice with numbers, or none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from noisecleaner.arrays import UNVERIFIED, BoolArray, FloatArray
from noisecleaner.errors import NoisecleanerError, listed
from noisecleaner.ingest.manifest import Manifest
from noisecleaner.ingest.vectors.orders import AnyVectors
from noisecleaner.noise.agreement import ORDERS
from noisecleaner.noise.copied import copied_labels
from noisecleaner.noise.disorder import disordered_labels
from noisecleaner.noise.memorised import memorised_labels
from noisecleaner.noise.randomness import not_random, picked_by_class, picked_by_looks
from noisecleaner.noise.renamed import renamed_class
from noisecleaner.noise.sampling import misdrawn
from noisecleaner.noise.skipping import Verifiable, may_be_off, no_sample, odd_part
from noisecleaner.notices import Notice, void
from noisecleaner.quality.signals import Predictions
from noisecleaner.runs.surest import judged_rows
from noisecleaner.runs.suspects import suspect_notices, suspects
from noisecleaner.texts import agreeing, counted
from noisecleaner.training.corpus import Corpus

_SHOWN = 5


def notices_before(corpus: Corpus, array: npt.NDArray[Any]) -> Iterator[Notice]:
    """Look at the trusted rows before training.

    Args:
        corpus: all rows of the fit.
        array: their inputs, decoded, in the same order, shape [rows of the corpus, …].
    """
    if not (corpus.trusted != UNVERIFIED).any():
        return
    checks = [_unseen_classes(corpus), _not_random(corpus)]
    if corpus.target_classes == corpus.dataset.classes:  # else the trusted rows are another task
        checks.append(_twins(corpus, array))
    yield from filter(None, checks)


def notices_after(
    corpus: Corpus, predictions: Predictions, judging: BoolArray, *, quality: FloatArray
) -> Iterator[Notice]:
    """Look at the trusted rows in the light of networks that never saw them.

    Args:
        corpus: all rows of the fit.
        predictions: of all rows, by networks that did not train on them.
        judging: audited rows that steered none of these networks, shape [rows].
        quality: label quality as `comparable_quality` makes it, shape [rows].
    """
    dataset = corpus.dataset
    rows = judged_rows(predictions, dataset.trusted, judging)
    if _brings(dataset, "probabilities") and (memorised := memorised_labels(rows)) is not None:
        yield memorised  # what follows asks those who never saw the labels
        return
    picked = None if dataset.sampling.unequal else picked_by_looks(predictions.margin, judging)
    part = odd_part(_verifiable(dataset, judging, quality))
    if (reason := no_sample(picked, part)) is not None:
        yield not_random(reason)
    elif part is not None:
        yield may_be_off(part)
    said = any(notice.code in ORDERS for notice in dataset.notices)
    yield from filter(None, [copied_labels(rows), None if said else renamed_class(rows, dataset.classes)])
    ids = dataset.table["sample_id"]
    if not void(dataset.notices) and (notice := disordered_labels(rows, dataset.order, lambda row: ids[row].as_py())):
        yield notice
    odd = suspects(rows, ~dataset.disputed)
    yield from suspect_notices(odd, of=int((rows.verified & rows.known).sum()), ids=ids)


def _brings(dataset: Manifest, kind: str) -> bool:
    """Whether rows bring vectors of a kind."""
    return isinstance(dataset.payload, AnyVectors) and dataset.payload.kind == kind


def _verifiable(dataset: Manifest, judging: BoolArray, quality: FloatArray) -> Verifiable:
    """What tells whether rows in doubt were skipped."""
    # rows that a plan drew are more often in doubt than those verified before, which are in its table, too
    empty = np.empty(0, np.int64) if dataset.sampling.unequal else dataset.empty
    left_empty = np.isin(np.arange(len(dataset)), empty) & (dataset.trusted == UNVERIFIED)
    return Verifiable(
        quality=quality, verified=judging, asked=judging | left_empty, probability=dataset.sample_probability
    )


def _unseen_classes(corpus: Corpus) -> Notice | None:
    names = corpus.target_classes
    counts = np.bincount(corpus.steering[corpus.steering >= 0], minlength=len(names))
    # of a name that no row was given there is no row to verify, and in a transfer the names are those of the target
    given = np.unique(corpus.dataset.given) if names == corpus.dataset.classes else np.arange(len(names))
    carried = [index for index in given.tolist() if index >= 0]
    missing = [names[index] for index in carried if not counts[index]]
    if not missing:
        return None
    return Notice(
        code="classes-without-trusted-rows",
        message=f"{len(missing):,} of {len(carried):,} classes {agreeing(len(missing), 'has', 'have')} no trusted row "
        f"({listed(missing)}): nothing steers or judges {agreeing(len(missing), 'it', 'them')}. Verify some of each.",
    )


def _not_random(corpus: Corpus) -> Notice | None:
    """Test whether the audited rows can have been drawn as they say, and their given labels be those of a sample."""
    dataset = corpus.dataset
    if (misfit := dataset.sampling.misfit()) is not None:
        return misdrawn(misfit)
    if dataset.sampling.unequal:
        return None
    audited = dataset.trusted != UNVERIFIED
    found = picked_by_class(given=dataset.given, verified=audited, classes=len(dataset.classes))
    return None if found is None else not_random(found)


def _twins(corpus: Corpus, array: npt.NDArray[Any]) -> Notice | None:
    """Find trusted rows whose content is that of a dataset row under another id.

    Raises:
        NoisecleanerError: some of them stand beside the dataset, in which they are.
    """
    if _brings(corpus.dataset, "probabilities"):
        return None  # many images have the same
    trusted = np.flatnonzero(corpus.trusted != UNVERIFIED)
    content = {array[row].tobytes(): row for row in trusted}
    twins = {}
    for row in np.flatnonzero(corpus.dataset.readable):
        twin = content.get(array[row].tobytes())
        if twin is not None and twin != row and corpus.trusted[row] == UNVERIFIED:
            twins[int(row)] = int(twin)
    if not twins:
        return None
    _refuse_twins(corpus, {row: twin for row, twin in twins.items() if twin >= len(corpus.dataset)})
    ids = corpus.dataset.table["sample_id"].take(list(twins)[:_SHOWN]).to_pylist()
    return Notice(
        code="same-content-other-id",
        message=f"{counted(len(twins), 'row')} of the dataset {agreeing(len(twins), 'has', 'have')} the very content "
        "of a trusted row with another id (such as "
        f"{listed(ids)}): what is known of one should hold for the other, but nothing joins them. Remove the repeated "
        "rows, or give them one id.",
    )


def _refuse_twins(corpus: Corpus, twins: dict[int, int]) -> None:
    """Refuse clean-only images that are in the dataset: row of the dataset -> number in the corpus."""
    # of vectors `ingest` has refused those that tell rows apart
    if not twins or corpus.clean_only is None or isinstance(corpus.dataset.payload, AnyVectors):
        return
    names, beside = corpus.dataset.table["sample_id"], corpus.clean_only.table["sample_id"]
    pairs = [f"{beside[twin - len(corpus.dataset)]} is {names[row]}" for row, twin in list(twins.items())[:_SHOWN]]
    raise NoisecleanerError(
        "Trusted rows that are in the dataset must have the id of their row there, or they measure nothing, but "
        f"{len(twins):,} of them have the very content of a row with another id ({listed(pairs)}).",
        "Give them the ids of those rows, or leave them out.",
    )
