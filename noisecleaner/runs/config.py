"""What a user asks of a fit, as one value: what can be refused before data is read, and how `run.json` keeps it."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, get_args

from noisecleaner.errors import NoisecleanerError
from noisecleaner.files import AnyPath, spelled
from noisecleaner.ingest import Source
from noisecleaner.ingest.files.places import absolute
from noisecleaner.ingest.verified.corrections import refuse_same
from noisecleaner.ingest.verified.itself import refuse_same_column
from noisecleaner.networks.names import placed
from noisecleaner.registry import check_choice, names_in
from noisecleaner.settings import (
    BATCH_SIZE,
    NO_TRUSTED,
    Decline,
    Decoding,
    Effort,
    Meta,
    Model,
    Precision,
    Regularisation,
)

#: What an interrupted fit may be resumed with another value of; not kept.
_FREE = ("checkpoint_seconds", "workers")


@dataclass(frozen=True, kw_only=True)
class FitConfig:
    """What a user asks of a fit.

    Args:
        source: the dataset.
        trusted: table or folder with verified labels, joined on `sample_id`; "none" takes rows of low loss instead,
            chosen anew in each epoch (L2B, section 4.4).
        corrections: table with labels that somebody fixed, joined likewise: they override labels and may steer, and
            measure nothing.
        class_embeddings: a file of one vector a class, in the space of the embeddings that rows bring, such as CLIP's
            vectors of the classes' names: `.npy` in the order of the classes, `.npz` or `.parquet` with their names.
        transfer: the trusted rows are another task, with classes of their own: alpha then says which rows of the
            dataset help it (SOSELETO, section 4.3), and `score_new` tells the classes of the target.
        method: a file of `weightings/`.
        options: the method's own options.
        regularisation: what else changes the loss.
        model: what looks at the images.
        effort: how long and how hard to train.
        decoding: how images are decoded.
        seed: of every random number.
        device: `auto`, `cpu`, `cuda`, `cuda:1`, …
        strict: make a row that cannot be used an error.
    """

    source: Source
    trusted: AnyPath | None = None
    corrections: AnyPath | None = None
    class_embeddings: AnyPath | None = None
    transfer: bool = False
    method: str = "soseleto"
    options: Mapping[str, Any] = field(default_factory=dict)
    regularisation: Regularisation = field(default_factory=Regularisation)
    model: Model = field(default_factory=Model)
    effort: Effort = field(default_factory=Effort)
    decoding: Decoding = field(default_factory=Decoding)
    seed: int = 0
    device: str = "auto"
    strict: bool = False

    def __post_init__(self) -> None:
        for name in ("trusted", "corrections", "class_embeddings"):
            object.__setattr__(self, name, spelled(getattr(self, name)))

    @property
    def low_loss(self) -> bool:
        """Whether rows of low loss stand in for trusted ones."""
        return self.trusted == NO_TRUSTED

    def check(self) -> None:
        """Refuse what can be refused before anything is read; imports the method and the regularisers, and torch.

        Raises:
            NoisecleanerError: names the parameter, what it may be and what it is.
        """
        refuse_same(trusted=spelled(self.trusted), corrections=spelled(self.corrections))
        if self.trusted is None:
            refuse_same_column(self.source)
        _check_effort(self.effort)
        _check_method(self)
        _check_regularisation(self.regularisation, self.source.columns.irrelevant)
        if self.transfer:
            _check_transfer(self)

    def to_json(self) -> dict[str, Any]:
        """Give what `run.json` keeps: plain values, paths absolute, because a fit may be resumed from elsewhere."""
        regularisation, model, effort = (asdict(part) for part in (self.regularisation, self.model, self.effort))
        placed = {name: _absolute(regularisation[name]) for name in ("unlabelled", "irrelevant")}
        return {
            "source": self.source.to_json(),
            "trusted": self.trusted if self.low_loss else _absolute(self.trusted),
            "corrections": _absolute(self.corrections),
            "class_embeddings": _absolute(self.class_embeddings),
            "transfer": self.transfer,
            "method": self.method,
            "method_options": dict(self.options),
            "regularisation": regularisation | placed,
            "model": model | {"weights": spelled(self.model.weights), "backbone": _placed(self.model.backbone)},
            "effort": {name: value for name, value in effort.items() if name not in _FREE},
            "max_pixels": self.decoding.max_pixels,
            "seed": self.seed,
            "device": self.device,
            "strict": self.strict,
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> FitConfig:
        """Take what `to_json` gave; what it does not keep, or did not keep once, has its default.

        Raises:
            KeyError, TypeError, ValueError: it is something else.
        """
        given = dict(content)
        model, effort = dict(given.pop("model", {})), dict(given.pop("effort", {}))
        return cls(
            source=Source.from_json(given.pop("source")),
            options=given.pop("method_options", {}),
            regularisation=Regularisation(**given.pop("regularisation", {})),
            model=Model(**model | {"weights": Path(model["weights"]) if model.get("weights") else None}),
            effort=Effort(**effort | {"meta": Meta(**effort.get("meta", {}))}),
            decoding=Decoding(max_pixels=given.pop("max_pixels", Decoding().max_pixels)),
            **given,
        )


def _absolute(path: AnyPath | None) -> str | None:
    return None if path is None else absolute(spelled(path))


def _placed(backbone: str | None) -> str | None:
    return None if backbone is None else placed(backbone)


def _check_effort(effort: Effort) -> None:
    """Refuse numbers that make no sense."""
    bounds: dict[str, float] = {
        "epochs": 1,
        "batch_size": 2,  # batch norm has nothing to work with on a single row
        "trusted_batch": 2,
        "learning_rate": sys.float_info.min,
        "weight_decay": 0,
        "clip": 0,
        "workers": 1,
    }
    check_choice(effort.precision, get_args(Precision), parameter="`Effort.precision`")
    check_choice(effort.schedule, get_args(Decline), parameter="`Effort.schedule`")
    if not 0 <= effort.momentum < 1:
        raise NoisecleanerError(
            f"`Effort.momentum` must be at least 0 and below 1, but it is {effort.momentum}.",
            f"Leave `Effort.momentum` out {_left_out('momentum')}.",
        )
    for name, least in bounds.items():
        value: float | None = getattr(effort, name)
        if value is not None and not least <= value < math.inf:
            bound = f"at least {least}" if isinstance(least, int) else "above 0"
            raise NoisecleanerError(
                f"`Effort.{name}` must be {bound} and finite, but it is {value}.",
                f"Leave `Effort.{name}` out {_left_out(name)}.",
            )
    if effort.folds is not None and effort.folds != 1 and effort.folds < 3:
        raise NoisecleanerError(
            f"`Effort.folds` must be 1 (a single run) or at least 3 (cross-fitting), but it is {effort.folds}.",
            "Leave `Effort.folds` out to have it chosen.",
        )

    if effort.rounds not in (None, 1, 2):
        raise NoisecleanerError(
            f"`Effort.rounds` must be 1 or 2, but it is {effort.rounds}.",
            "Leave `Effort.rounds` out to have it chosen.",
        )


def _left_out(name: str) -> str:
    """Say what becomes of a field of `Effort` that is left out."""
    default: float | None = getattr(Effort(), name)
    return "to have it chosen" if default is None else f"for {default:g}"


def _check_method(config: FitConfig) -> None:
    """Refuse methods and options that there are not, and batches that a method cannot work with."""
    from noisecleaner.weightings import check_options

    least = check_options(config.method, config.options, config.effort.meta).least_batch
    size = config.effort.batch_size or BATCH_SIZE
    if size < least:
        raise NoisecleanerError(
            f"`method={config.method!r}` with these options needs a `Effort.batch_size` of at least {least}, but it is "
            f"{size}.",
            f"Give `Effort(batch_size={least})` or more.",
        )


def _check_regularisation(regularisation: Regularisation, irrelevant_column: str | None) -> None:
    """Refuse regularisers that are unknown, their unknown options, and rows that no regulariser would look at."""
    from noisecleaner.regularisers import check_options, regulariser_class

    for name, options in regularisation.regularisers.items():
        check_options(name, options)
    needed = {regulariser_class(name).needs for name in regularisation.regularisers}
    for parameter, needs, value in (
        ("`Regularisation.unlabelled`", "unlabelled", regularisation.unlabelled),
        ("`Regularisation.irrelevant`", "irrelevant", regularisation.irrelevant),
        ("`Columns.irrelevant`", "irrelevant", irrelevant_column),
    ):
        if value is not None and needs not in needed:
            raise NoisecleanerError(
                f"{parameter} is for a regulariser that looks at such rows, but none was chosen.",
                f"Leave {parameter} out, or choose one with `Regularisation.regularisers` (see `methods()`).",
            )


def _check_transfer(config: FitConfig) -> None:
    """Refuse what does not go with a transfer to other classes."""
    from noisecleaner.weightings import weighting_class

    if config.corrections is not None:
        raise NoisecleanerError(
            "Corrections name classes of the dataset, but with `transfer=True` the target has classes of its own.",
            "Leave `corrections` out, and pass it when you export: `export_clean(RUN, OUT, corrections=FILE)`.",
        )

    if config.class_embeddings is not None:
        raise NoisecleanerError(
            "Class embeddings judge given labels, but with `transfer=True` the rows have labels of another task.",
            "Leave `class_embeddings` out.",
        )
    if config.trusted is None or config.low_loss:
        raise NoisecleanerError(
            "`transfer=True` needs the target: labelled rows of the task that the dataset shall help, but there are "
            "none.",
            "Name them with `trusted=PATH`.",
        )
    if not weighting_class(config.method).transfers:
        able = [name for name in names_in("weightings") if weighting_class(name).transfers]
        raise NoisecleanerError(
            f"`transfer=True` needs a method in which the target may have classes of its own, but {config.method} "
            "compares labels.",
            f"Choose `method` {' or '.join(able)}.",
        )
    if config.effort.folds not in (None, 1):
        raise NoisecleanerError(
            "`transfer=True` trains once on all rows, because rows of other classes cannot be cross-fitted, but "
            f"`Effort.folds` is {config.effort.folds}.",
            "Leave `Effort.folds` out.",
        )
