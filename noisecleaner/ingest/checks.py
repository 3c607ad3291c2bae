"""Is there enough to work with? What is missing is said before anything is computed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from noisecleaner.arrays import NO_CLASS, IntArray
from noisecleaner.errors import NoisecleanerError, listed
from noisecleaner.ingest.files import leftovers
from noisecleaner.ingest.labels.lookalikes import explained
from noisecleaner.ingest.manifest import Manifest
from noisecleaner.ingest.skips import causes
from noisecleaner.notices import Notice, Severity
from noisecleaner.texts import agreeing, counted

#: What to do with a class that no row was given, where classes may be added and where not.
_DECLARED = (
    "A class that no row was given is declared by a file of all class names, `Columns(label_names=FILE)`. Trusted rows "
    "of another task, with classes of their own, need `transfer=True`."
)
_FITTED = "A class that the run does not know takes another fit."
#: Ids that are Python's texts at a time.
_HASHED = 65_536


def require_two(classes: Sequence[str], where: object, why: str = "") -> None:
    """Refuse a dataset in which there is nothing to confuse.

    Args:
        classes: their names.
        where: the dataset.
        why: sentences that say how labels were read, and which files of it are not; empty without any.

    Raises:
        NoisecleanerError: there are fewer than two classes.
    """
    if len(classes) < 2:
        raise NoisecleanerError(
            f"At least two classes are required, but {where} has {len(classes)} ({listed(list(classes))}).{why}",
            "Check `Columns.label`, or choose the folders that name the classes with `Source.label_level`.",
        )


def require_readable(dataset: Manifest) -> None:
    """Refuse a dataset of which too little can be read.

    Raises:
        NoisecleanerError: fewer than two classes are left once the skipped rows are out.
    """
    labels = dataset.given[dataset.given >= 0]
    if len(np.unique(labels)) < 2:
        reasons = listed([f"{count} {reason}" for reason, count in dataset.skips().items()])
        raise NoisecleanerError(
            f"Readable rows of at least two classes are required, but of {len(dataset)} rows {len(labels)} can be "
            f"used, of {len(np.unique(labels))} classes (skipped: {reasons}).{causes(dataset)}",
            "Check that the images open, and that the label column is the right one.",
        )


def refuse_skips(dataset: Manifest) -> None:
    """Refuse, for `strict=True`, any row that cannot be used, and any image that is no row.

    Raises:
        NoisecleanerError: names the first such rows and their reasons, or counts those images.
    """
    for notice in dataset.notices:
        if notice.code == leftovers.CODE and notice.severity is Severity.WARNING:
            raise NoisecleanerError(
                f"`strict=True` allows no image that is no row, but: {notice.message}",
                "Mend that, or leave `strict` out to have them counted.",
            )
    if dataset.readable.all():
        return
    skipped = dataset.table.filter(pa.array(~dataset.readable))
    first = [f"{row['sample_id']} ({row['skip_reason']})" for row in skipped.slice(0, 3).to_pylist()]
    reasons = ", ".join(f"{rows:,} {reason}" for reason, rows in dataset.skips().items())
    raise NoisecleanerError(
        f"`strict=True` allows no row that cannot be used, but {counted(len(skipped), 'row')} "
        f"{agreeing(len(skipped))} none ({reasons}): {listed(first, 3)}.",
        "Mend or remove those rows, or leave `strict` out to have them skipped and counted.",
    )


def check_labels(
    labels: pa.ChunkedArray,
    classes: tuple[str, ...],
    where: str,
    *,
    none_label: str | None = None,
    kind: str = "Trusted labels",
    fitted: bool = False,
) -> None:
    """Refuse verified labels that no row of the dataset could have been given.

    Args:
        labels: as text, null where nobody verified the row.
        classes: the class names.
        where: the table or folder, for the message.
        none_label: the label that says that none of them is right; None where no label can.
        kind: what they are, for the message.
        fitted: whether the classes are those of a fitted run, so that none can be added.

    Raises:
        NoisecleanerError: names the unknown labels and the known classes, and says which of them look alike.
    """
    known = [*classes, *([] if none_label is None else [none_label])]
    unknown = pc.unique(labels.filter(pc.invert(pc.is_in(labels, value_set=pa.array(known, pa.string())))))
    names = unknown.drop_null().to_pylist()
    if not names:
        return
    alike = explained(names, known)
    if alike:
        raise NoisecleanerError(
            f"{kind} must be spelled as the classes of the dataset, but in {where} {alike}.",
            "Write one spelling in both tables.",
        )
    first = pc.index(labels, names[0]).as_py() + 1
    raise NoisecleanerError(
        f"{kind} must be classes of the dataset, but {where} holds {listed(names)}, and the classes are "
        f"{listed(list(classes))}. The first of them stands in row {first:,} of {len(labels):,}.",
        f"Correct those labels{_or_none(none_label)}, or name the right column with `Columns(trusted=NAME)`"
        f"{', for corrections too' if kind == 'Corrections' else ''}. " + (_FITTED if fitted else _DECLARED),
    )


def _or_none(none_label: str | None) -> str:
    return "" if none_label is None else f" (where no class of the dataset is right, write {none_label})"


def alike_unknown(labels: pa.ChunkedArray, classes: Sequence[str], where: str) -> tuple[Notice, ...]:
    """Say which labels are no classes and only look like one; the rows are skipped, and counted with the others."""
    unknown = labels.filter(pc.invert(pc.is_in(labels, value_set=pa.array(classes, pa.string())))).drop_null()
    if not len(unknown):
        return ()
    ranked = sorted(pc.value_counts(unknown).to_pylist(), key=lambda count: (-count["counts"], count["values"]))
    pairs = [(str(count["values"]), int(count["counts"])) for count in ranked]
    like = [(name, rows) for name, rows in pairs if explained([name], classes)]
    if not like:
        return ()
    total = sum(rows for _, rows in like)
    message = (
        f"{counted(total, 'row')} of {where} {agreeing(total, 'carries', 'carry')} labels that only look like a class, "
        f"and {agreeing(total)} skipped: "
        f"{explained([name for name, _ in like], classes)}. Write one spelling in both."
    )
    return (Notice(code="labels-look-like-classes", message=message),)


def check_enough(trusted: IntArray, classes: Sequence[str], method: str, *, disputed: int = 0) -> None:
    """Check that a method that needs trusted rows has some, and of more than one class.

    Args:
        trusted: class index of each row's verified label, `UNVERIFIED` where there is none, `NO_CLASS` where none of
            the classes is right, shape [rows].
        classes: the names of the classes.
        method: what needs them.
        disputed: verified rows at which two looks saw different labels, which steer nothing either.

    Raises:
        NoisecleanerError: there are none, or they all carry one label.
    """
    present = [int(label) for label in np.unique(trusted) if label >= 0]
    if not present:
        raise _unsteered(method, no_class=int((trusted == NO_CLASS).sum()), disputed=disputed)
    if len(present) == 1:
        raise NoisecleanerError(
            f"Trusted rows of at least two classes are required, but all are {classes[present.pop()]!r}.",
            "Verify rows drawn at random from the whole dataset.",
        )


def _unsteered(method: str, *, no_class: int, disputed: int) -> NoisecleanerError:
    """Say why no trusted row can steer."""
    if not no_class and not disputed:
        return NoisecleanerError(
            f"`method={method!r}` is steered by trusted rows, but there are none.",
            "Verify some labels (300 random rows are a good start) and pass them with `trusted=FILE`, "
            "or do without: `trusted='none'` (L2B's way), or `method='bilevel'` or uniform.",
        )
    total = no_class + disputed
    parts = [(no_class, "of no class of the dataset"), (disputed, "seen differently by two looks")]
    told = " and ".join(f"{count:,} {agreeing(count)} {what}" for count, what in parts if count)
    return NoisecleanerError(
        f"`method={method!r}` is steered by trusted rows that show a class, but of {counted(total, 'verified row')} "
        f"{told}: none can steer.",
        "Verify more rows, of at least two classes (300 random rows are a good start), or choose a method that nothing "
        "steers: `method='bilevel'` or uniform.",
    )


def check_ids(ids: pa.ChunkedArray, where: str) -> None:
    """Refuse ids that cannot join tables.

    Raises:
        NoisecleanerError: some are missing, or occur more than once.
    """
    if ids.null_count:
        raise NoisecleanerError(
            f"Every row needs a sample_id, but {ids.null_count} of {len(ids)} rows of {where} have none.",
            "Fill the column, or name another one with `Columns(sample_id=NAME)`.",
        )
    if _all_differ(ids):
        return
    counts = pc.value_counts(ids)
    twice = counts.filter(pc.greater(counts.field("counts"), 1)).field("values").to_pylist()
    if twice:
        raise NoisecleanerError(
            f"Sample ids must be unique, but {len(twice)} of them occur more than once in {where} "
            f"(such as {listed(twice, 3)}).",
            "Remove the repeated rows, or name another column with `Columns(sample_id=NAME)`.",
        )


def _all_differ(ids: pa.ChunkedArray) -> bool:
    """Whether no two ids have one hash, and so none occurs twice: an eighth of the memory that counting them takes."""
    hashes = np.empty(len(ids), dtype=np.int64)
    for first in range(0, len(ids), _HASHED):
        texts = ids.slice(first, _HASHED).to_pylist()
        hashes[first : first + len(texts)] = np.fromiter(map(hash, texts), np.int64, len(texts))
    hashes.sort()
    return not (hashes[1:] == hashes[:-1]).any()
