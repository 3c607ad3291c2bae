"""The options that several commands share, as groups (see `grouped`), and the library's values that they become."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from noisecleaner.commands._shared import MODEL, ROWS, TRAINING, Device, only_given, opt, refuse
from noisecleaner.threads import cores

if TYPE_CHECKING:
    from noisecleaner.ingest import Columns, Source
    from noisecleaner.settings import Decoding, Effort, Inference, Model

Strict = Annotated[
    bool,
    typer.Option(
        "--strict", help="Make a row that cannot be used, or an image that is no row, an error.", rich_help_panel=ROWS
    ),
]
MaxPixels = Annotated[int | None, opt("Refuse larger images (width times height; 64 million by default).", ROWS, min=1)]


@dataclass(frozen=True, kw_only=True)
class RowOptions:
    """How the rows of a dataset are read."""

    image_column: Annotated[str, opt("Column with paths, bytes or struct<bytes, path>.", ROWS)] = "image"
    label_column: Annotated[str, opt("Column with the given label.", ROWS)] = "label"
    id_column: Annotated[str, opt("Column with the id that joins the tables.", ROWS)] = "sample_id"
    trusted_column: Annotated[str, opt("Column with the verified label.", ROWS)] = "trusted_label"
    trusted_id_column: Annotated[
        str | None, opt("Column with the id in the table of verified labels, if called otherwise there.", ROWS)
    ] = None
    embedding_column: Annotated[
        str | None,
        opt(
            "Column with embeddings, not images; or a file: .npz or .parquet with ids, .npy in the order of `ids`.",
            ROWS,
        ),
    ] = None
    probabilities_column: Annotated[
        str | None,
        opt("Column (or file) with class probabilities, each row's by a model that did not learn it.", ROWS),
    ] = None
    label_names: Annotated[
        str | None,
        opt("File with all class names, one a line, in the order of their numbers (or .json, .csv).", ROWS),
    ] = None
    row_ids: Annotated[
        bool, typer.Option("--row-ids", help="Make ids from file name and row.", rich_help_panel=ROWS)
    ] = False
    allow_absolute: Annotated[
        bool,
        typer.Option(
            "--allow-absolute", help="Follow absolute paths and links out of the folder.", rich_help_panel=ROWS
        ),
    ] = False

    none_label: Annotated[
        str | None, opt("Verified label that says: none of the classes; none by default, unless a class.", ROWS)
    ] = None
    label_level: Annotated[
        int | None,
        opt(
            "Folders that name the classes: 1 for those below DATA, 2 below them, …; -1 for those that hold images.",
            ROWS,
        ),
    ] = None

    def given(self) -> dict[str, str | int]:
        """The options of rows that say something unusual: option -> its value, True for a switch."""
        values = {field.name: (getattr(self, field.name), field.default) for field in fields(RowOptions)}
        return {f"--{n.replace('_', '-')}": value for n, (value, usual) in values.items() if value != usual}

    def source(self, data: str, *, irrelevant: str | None = None) -> Source:
        """Say where the rows are, and which column holds a task-irrelevant label, if one does."""
        from noisecleaner.ingest import Source

        return Source(
            data,
            columns=self.columns(irrelevant),
            allow_absolute=self.allow_absolute,
            none_label=self.none_label,
            label_level=self.label_level,
        )

    def columns(self, irrelevant: str | None = None) -> Columns:
        """Make the library's value."""
        from noisecleaner.ingest import Columns

        return Columns(
            image=self.image_column,
            label=self.label_column,
            sample_id=self.id_column,
            trusted=self.trusted_column,
            trusted_id=self.trusted_id_column,
            embedding=self.embedding_column,
            probabilities=self.probabilities_column,
            row_ids=self.row_ids,
            irrelevant=irrelevant,
            label_names=self.label_names or (),
        )


@dataclass(frozen=True, kw_only=True)
class FittedRowOptions(RowOptions):
    """How the rows of a fit are read and decoded."""

    strict: Strict = False
    max_pixels: MaxPixels = None
    threads: Annotated[int | None, opt("Images decoded at once; one for each core by default.", ROWS, min=1)] = None

    def decoding(self) -> Decoding:
        """Say how images are decoded.

        Raises:
            NoisecleanerError: there are none, because the rows bring vectors.
        """
        from noisecleaner.settings import Decoding

        if self.embedding_column or self.probabilities_column:
            of_images = {"--threads": self.threads, "--max-pixels": self.max_pixels}
            refuse(of_images | {"--image-column": self.image_column != RowOptions.image_column}, "images")
        return Decoding(**only_given(threads=self.threads, max_pixels=self.max_pixels))


@dataclass(frozen=True, kw_only=True)
class NewRowOptions(RowOptions):
    """How rows that were not fitted are read and looked at: what goes with --data."""

    strict: Strict = False
    max_pixels: MaxPixels = None
    device: Device = "auto"

    def inference(self) -> Inference:
        """Say how networks look at the rows."""
        from noisecleaner.settings import Inference

        return Inference(device=self.device, strict=self.strict, **only_given(max_pixels=self.max_pixels))

    def refuse_without_data(self, out: Path | None) -> None:
        """Refuse these options, and where to write, where there are no new rows.

        Raises:
            NoisecleanerError: one was given.
        """
        from noisecleaner.ingest import Columns

        given: dict[str, object] = {"--out": out, "--strict": self.strict, "--max-pixels": self.max_pixels}
        given |= {"--label-level": self.label_level is not None}
        given |= {"--allow-absolute": self.allow_absolute, "--device": self.device != NewRowOptions.device}
        given |= {"--none-label": self.none_label}
        plain = Columns()
        # labels of fitted rows have a use for these
        columns = replace(self.columns(), trusted=plain.trusted, trusted_id=None, label_names=())
        refuse(given | {"column options": columns != plain}, "--data")

    def of_labels(self) -> dict[str, object]:
        """Options that tell how labels of fitted rows are read: option -> what it says, if it was given."""
        named = self.trusted_column if self.trusted_column != RowOptions.trusted_column else None
        return {
            "--trusted-column": named,
            "--trusted-id-column": self.trusted_id_column,
            "--label-names": self.label_names,
        }


@dataclass(frozen=True, kw_only=True)
class ModelOptions:
    """What looks at the images."""

    backbone: Annotated[
        str | None,
        opt(
            "A network (timm:NAME, onnx:FILE and those of `noisecleaner methods`), or A+B. Chosen by what is there.",
            MODEL,
        ),
    ] = None
    frozen: Annotated[
        bool | None, opt("Train only a head on the backbone's features; so if it is pretrained.", MODEL)
    ] = None
    pretrained: Annotated[bool, typer.Option("--pretrained", help="Load published weights.", rich_help_panel=MODEL)] = (
        False
    )
    weights: Annotated[
        Path | None, opt("Safetensors file with the backbone's weights; or a run, to go on with its network.", MODEL)
    ] = None
    image_size: Annotated[int | None, opt("Edge length images are resized to.", MODEL, min=8)] = None
    image_crop: Annotated[
        str | None,
        opt("How it becomes a square: center (cut), squash or pad. The backbone's own way by default.", MODEL),
    ] = None
    hidden: Annotated[
        int, opt("Units of a hidden layer in the head on features; 0 for none.", MODEL, min=0, max=65_536)
    ] = 0

    def model(self) -> Model:
        """Make the library's value."""
        from noisecleaner.settings import Model

        return Model(
            backbone=self.backbone,
            frozen=self.frozen,
            pretrained=self.pretrained,
            weights=self.weights,
            image_size=self.image_size,
            image_crop=self.image_crop,  # type: ignore[arg-type]  # a text until the library has checked it
            hidden=self.hidden,
        )


@dataclass(frozen=True, kw_only=True)
class TrainingOptions:
    """How long and how hard to train."""

    epochs: Annotated[int | None, opt("Passes over the data.", TRAINING)] = None
    batch_size: Annotated[int | None, opt("Rows in a step; 128, or more for a head on many rows.", TRAINING)] = None
    trusted_batch: Annotated[int, opt("Trusted rows in a step.", TRAINING)] = 64
    learning_rate: Annotated[float | None, opt("At the start.", TRAINING)] = None
    schedule: Annotated[
        str, opt("How the learning rate goes on: cosine, constant, or step (a tenth at 1/2 and 3/4).", TRAINING)
    ] = "cosine"
    momentum: Annotated[float, opt("Share of a step that the next one goes on with.", TRAINING)] = 0.9
    clip: Annotated[float, opt("Norm that a step's gradient is cut to, 0 for none.", TRAINING)] = 5.0
    weight_decay: Annotated[float | None, opt("L2 penalty.", TRAINING, min=0)] = None
    folds: Annotated[int | None, opt("Training runs for cross-fitting, at least 3; or 1.", TRAINING)] = None
    rounds: Annotated[
        int | None, opt("2: predict each row again, by a head on soft labels; 1: do not. 2 where it can be.", TRAINING)
    ] = None
    checkpoint_seconds: Annotated[float, opt("Least time between checkpoints.", TRAINING, min=0)] = 30.0
    meta: Annotated[
        str, opt("Layers the meta step asks: exact (all), block (the last ones), last (the classifier).", TRAINING)
    ] = "exact"
    meta_every: Annotated[int, opt("Steps for which one trusted batch serves.", TRAINING)] = 1
    meta_momentum: Annotated[float, opt("Share of the last trusted gradient in the next one.", TRAINING)] = 0.0
    precision: Annotated[
        str,
        opt(
            "What layers compute in: float32 with all digits, bfloat16, or auto (by hardware and processes).", TRAINING
        ),
    ] = "auto"
    workers: Annotated[
        int | None,
        opt(
            "Processes that train folds where they are not trained in one step; one for each core by default.", TRAINING
        ),
    ] = None

    def effort(self) -> Effort:
        """Make the library's value."""
        from noisecleaner.settings import Effort, Meta

        return Effort(
            epochs=self.epochs,
            batch_size=self.batch_size,
            trusted_batch=self.trusted_batch,
            learning_rate=self.learning_rate,
            schedule=self.schedule,  # type: ignore[arg-type]  # a text until the library has checked it
            momentum=self.momentum,
            clip=self.clip,
            weight_decay=self.weight_decay,
            folds=self.folds,
            rounds=self.rounds,
            checkpoint_seconds=self.checkpoint_seconds,
            meta=Meta(
                layers=self.meta,  # type: ignore[arg-type]  # likewise
                every=self.meta_every,
                momentum=self.meta_momentum,
            ),
            precision=self.precision,  # type: ignore[arg-type]  # likewise
            workers=cores() if self.workers is None else self.workers,
        )


def target_of(run: Path, data: str, out: Path | None) -> Path:
    """Say where the scores of new rows go: by default they are named after the data, and after its whole path."""
    name = re.sub(r"[^A-Za-z0-9]+", "-", Path(data).stem).strip("-")
    return out or run / "new" / f"{name}-{zlib.crc32(data.encode()):08x}"
