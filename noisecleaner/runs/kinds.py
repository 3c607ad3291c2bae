"""Whether new rows bring what a run was fitted on: images, or vectors of the same maker."""

from __future__ import annotations

from noisecleaner.errors import NoisecleanerError
from noisecleaner.files import read_arrays
from noisecleaner.ingest import Payload
from noisecleaner.ingest.payloads import ImageFiles
from noisecleaner.ingest.tables.maker import Maker, digest_of
from noisecleaner.ingest.vectors.orders import AnyVectors
from noisecleaner.networks.cards import crops
from noisecleaner.runs.auditor_record import AuditorRecord
from noisecleaner.runs.run import Run

_HINT = "Give rows of the same kind; name their column with `Columns.image` or `Columns(embedding=NAME)`."


def refuse_other_kind(run: Run, record: AuditorRecord, payload: Payload) -> None:
    """Refuse rows that the networks of a run cannot look at, or that another network made.

    Args:
        run: a finished run.
        record: of its auditor.
        payload: what the rows bring.

    Raises:
        NoisecleanerError: says what the run was fitted on, and what they bring.
    """
    if record.shape.backbone is not None:
        if isinstance(payload, AnyVectors):
            _refuse_for_images(run, record, payload)
        return
    wanted = f"vectors of {record.shape.width} numbers{_made_by(record.maker)}"
    if not isinstance(payload, AnyVectors):
        raise _other(wanted, "images", of=record.maker, hint=_bringing(record, payload))
    if payload.width != record.shape.width:
        raise _other(wanted, f"vectors of {payload.width} numbers{_made_by(payload.maker)}", of=record.maker)
    if record.maker is not None and payload.maker is not None:
        _refuse_maker(record.maker, payload.maker, "vectors")


def maker_of_run(run: Run, record: AuditorRecord) -> Maker | None:
    """What makes the vectors that the networks of a run look at; None where nobody knows, or they look at pixels.

    Raises:
        NoisecleanerError: its weights are damaged.
    """
    shape = record.shape
    if shape.backbone is None or shape.kind != "vectors":
        return record.maker
    weights = digest_of(read_arrays(run.auditor / "backbone.safetensors")[0].items())
    return Maker(backbone=shape.backbone, size=shape.size, crop=crops(shape.cards), weights=weights)


def _refuse_for_images(run: Run, record: AuditorRecord, payload: AnyVectors) -> None:
    """Refuse vectors beside a run of images, unless its own frozen networks made them."""
    brought = f"{payload.kind} of {payload.width} numbers"
    own = maker_of_run(run, record)
    if own is None:
        raise _other("images, by a network that was trained end to end", brought)
    if payload.maker is None:
        raise _other(f"images, of which {own.words()} makes vectors", f"{brought} that do not say what made them")
    _refuse_maker(own, payload.maker, "images")


def _refuse_maker(own: Maker, brought: Maker, what: str) -> None:
    if other := list(own.differences(brought)):
        raise NoisecleanerError(
            f"Vectors of new rows must be made as those that this run was fitted on ({what}): with "
            f"{', '.join(other)}; but theirs are made by {brought.words()} with weights of the digest "
            f"{brought.weights}.",
            f"Embed the new rows with that network, weights and size: `Model(backbone={own.backbone!r})`.",
        )


def _made_by(maker: Maker | None) -> str:
    return f", made by {maker.words()}" if maker else ""


def _bringing(record: AuditorRecord, payload: Payload) -> str:
    """Say how rows of images bring vectors of the kind that was fitted."""
    field = "probabilities" if record.shape.kind == "probabilities" else "embedding"
    hint = (
        f"Bring the vectors of the new rows in a file, `Columns({field}=FILE.npy)`: in the order of `ids()`, or "
        ".npz or .parquet with ids"
    )
    return f"{hint}." if isinstance(payload, ImageFiles) else f"{hint}; or name their column, `Columns({field}=NAME)`."


def _other(wanted: str, brought: str, *, of: Maker | None = None, hint: str = _HINT) -> NoisecleanerError:
    """Say what differs, and how rows like those that were fitted come about: by a network, where one is known."""
    if of is not None:
        size = f", image_size={of.size}" if of.size else ""
        hint = f"Embed the new images with that network first: `Model(backbone={of.backbone!r}{size})`."
    return NoisecleanerError(f"This run was fitted on {wanted}, but the new rows bring {brought}.", hint)
