"""What a user says of a dataset: where it is, and what its columns are called."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, asdict, dataclass, field, replace
from glob import glob
from itertools import combinations
from pathlib import Path
from typing import Any, TypedDict, Unpack, cast

from noisecleaner.errors import NoisecleanerError
from noisecleaner.files import AnyPath, spelled
from noisecleaner.ingest import memory
from noisecleaner.ingest.files.copy_record import CopyRecord
from noisecleaner.ingest.files.places import absolute
from noisecleaner.ingest.labels.label_names import checked_names, read_label_names
from noisecleaner.ingest.labels.missing import NONE

#: Endings of files that hold vectors beside a dataset: in the order of its rows, or with their ids.
VECTOR_FILES = (".npy", ".npz", ".parquet")
#: Fields of `Columns` that may name one column; ids that are taken for labels are refused where they are read, because
#: then the columns are known that could be meant.
_MAY_BE_ONE = {("image", "sample_id"), ("label", "trusted"), ("label", "sample_id")}


@dataclass(frozen=True, kw_only=True)
class Columns:
    """The names of a user's columns.

    Args:
        image: paths, encoded bytes, or Hugging Face `struct<bytes, path>`.
        label: the given label.
        sample_id: the id that joins every table; integers become text.
        trusted: the verified label.
        trusted_id: the id in a table of verified labels, where it is called otherwise there.
        embedding: a list of numbers to use instead of images; or a file of them: `.npy` with a row for each row, in
            their order (`ids` tells it), or `.npz` or `.parquet` with their ids; or a folder of tables, as `embed`
            makes it, with a slash in its name (`emb/`).
        probabilities: a list of class probabilities to use instead of images, or such a file.
        row_ids: where there is no id, make one from file name and row number.
        irrelevant: a label that has nothing to do with the task, such as the camera; None where nobody asks for it.
        label_names: the classes in the order of their numbers, or a file of them (`label_names.read_label_names`): what
            a number stands for, and all classes that there may be. Empty where labels say so themselves.
    """

    image: str = "image"
    label: str = "label"
    sample_id: str = "sample_id"
    trusted: str = "trusted_label"
    trusted_id: str | None = None
    embedding: str | None = None
    probabilities: str | None = None
    row_ids: bool = False
    irrelevant: str | None = None
    label_names: str | tuple[str, ...] = ()

    @property
    def told(self) -> tuple[str, ...]:
        """The classes in the order of their numbers, `()` where nobody has told it; those of a file once it is read."""
        return () if isinstance(self.label_names, str) else self.label_names

    @property
    def vector_file(self) -> str | None:
        """The file that holds the vectors; None where a column does, or there are none."""
        return next((name for name in (self.embedding, self.probabilities) if _is_file(name)), None)

    def placed(self) -> Columns:
        """Return the columns with the path of a file made absolute, and the class names of a file read.

        Raises:
            NoisecleanerError: the class names cannot be used.
        """
        told = self.label_names
        names = (
            read_label_names(told) if isinstance(told, str) else told and checked_names(told, "`Columns.label_names`")
        )
        return replace(
            self,
            embedding=_placed(self.embedding),
            probabilities=_placed(self.probabilities),
            label_names=tuple(names),
        )

    def with_labels(self, told: Columns) -> Columns:
        """Return the columns with what others tell of verified labels, where they tell something.

        Args:
            told: how verified labels and their ids are called, and what numbers among them stand for.
        """
        return replace(
            self,
            trusted=self.trusted if told.trusted == Columns.trusted else told.trusted,
            trusted_id=told.trusted_id or self.trusted_id,
            label_names=told.label_names or self.label_names,
        )

    def refuse_both(self) -> None:
        """Refuse two kinds of vectors for one row.

        Raises:
            NoisecleanerError: embeddings and probabilities are named.
        """
        if self.embedding is not None and self.probabilities is not None:
            raise NoisecleanerError(
                "Rows bring embeddings or class probabilities, but both columns are named.",
                "Leave `Columns.embedding` or `Columns.probabilities` out.",
            )

    def refuse_shared(self) -> None:
        """Refuse a column that would mean two things.

        Only these may be one column: ids and images, where images are paths; and the given and the verified label,
        where the latter is the name that a table of verified labels has for it.

        Raises:
            NoisecleanerError: two parameters name one column.
        """
        vectors = [name for name in ("embedding", "probabilities") if getattr(self, name) and not self.vector_file]
        images = [] if vectors else ["image"]  # where vectors are named, nobody looks for images
        pairs = combinations([*images, "label", "sample_id", "trusted", "irrelevant", *vectors], 2)
        for one, other in [*pairs, ("trusted", "trusted_id")]:
            name = getattr(self, one)
            if name is not None and name == getattr(self, other) and (one, other) not in _MAY_BE_ONE:
                raise NoisecleanerError(
                    f"`Columns.{one}` and `Columns.{other}` must be different columns, but both are {name!r}.",
                    f"Name the right one with `Columns({one}=NAME)` or `Columns({other}=NAME)`.",
                )


class _Options(TypedDict, total=False):
    """What `Source.of` hands on, see `Source`."""

    allow_absolute: bool
    none_label: str | None
    label_level: int | None


@dataclass(frozen=True)
class Source:
    """Where rows come from and how to read them; kept in every result, so that export can read them again.

    Args:
        data: an image folder, a table (one of `ingest/readers/`), a folder of Parquet or Arrow files, a glob or a URI.
        columns: the names of the user's columns.
        allow_absolute: follow absolute image paths and links that leave the dataset's folder.
        none_label: what a verified label says where no class is right; None takes "none", unless a class is called so.
        label_level: of an image folder, which folders name the classes: 1 for those below the dataset, 2 for those
            below them, …; -1 for the folder that holds an image, -2 for the one above it; None for the first that are
            not all splits.
    """

    data: str
    _: KW_ONLY
    columns: Columns = field(default_factory=Columns)
    allow_absolute: bool = False
    none_label: str | None = None
    label_level: int | None = None

    def __post_init__(self) -> None:
        # results remember the source, and are read from other directories
        object.__setattr__(self, "data", absolute(spelled(self.data)))
        object.__setattr__(self, "columns", self.columns.placed())
        if not self.columns.told:
            object.__setattr__(self, "columns", replace(self.columns, label_names=self.carried))

    @property
    def carried(self) -> tuple[str, ...]:
        """The classes in the order of their numbers as a clean copy carries them, where the dataset is one; else `()`.

        Raises:
            NoisecleanerError: what lies beside the copy is damaged.
        """
        record = CopyRecord.beside(self.data)
        return record.label_names if record is not None and record.label == self.columns.label else ()

    @classmethod
    def of(
        cls, data: object, *, keep: AnyPath | None = None, columns: Columns | None = None, **options: Unpack[_Options]
    ) -> Source:
        """Take rows by their path, or those that are held in memory, which are written first.

        Args:
            data: a path, or what `memory.keep` takes: a DataFrame of pandas, an Arrow table, a `datasets.Dataset`, …
            keep: where data in memory are written, see `memory.keep`; results read them there again.
            columns: the names of the columns.
            options: what else a source may be told.

        Raises:
            NoisecleanerError: the data cannot be written, or `keep` is left out or has no use.
        """
        if isinstance(data, (str, os.PathLike)) != (keep is None):
            raise NoisecleanerError(
                "Data in memory need a place to be kept, because results read them again, and a path needs none; but "
                f"keep is {keep} and the data are a {type(data).__name__}.",
                "Write `Source.of(PATH)`, or `Source.of(table, keep='data.parquet')`.",
            )
        place = spelled(cast(AnyPath, data)) if keep is None else memory.keep(data, keep)
        return cls(place, columns=columns or Columns(), **options)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Source:
        """Take what `to_json` gave."""
        columns = Columns(**content["columns"])
        columns = replace(columns, label_names=tuple(columns.label_names))  # JSON has lists
        return cls(
            content["data"],
            columns=columns,
            allow_absolute=content["allow_absolute"],
            none_label=content.get("none_label"),  # earlier versions had none
            label_level=content.get("label_level"),
        )

    def to_json(self) -> dict[str, Any]:
        """Give what results keep: plain values by the names of the fields."""
        return asdict(self)

    def no_class(self, classes: Sequence[str]) -> str | None:
        """Say which verified label means that none of these classes is right; None where no label can.

        Raises:
            NoisecleanerError: one was asked for that is a class.
        """
        if self.none_label is None:
            return None if NONE in classes else NONE
        if self.none_label in classes or not self.none_label:
            raise NoisecleanerError(
                f"`Source.none_label` says that no class is right, but {self.none_label!r} is "
                f"{'a class of the dataset' if self.none_label else 'empty, as where nobody verified a row'}.",
                "Name a word that is no class, and write it where no class fits.",
            )
        return self.none_label

    def telling(self, names: Sequence[str]) -> Source:
        """Return the source with the order of the classes told, where nobody has told it before."""
        if not names or self.columns.told:
            return self
        return replace(self, columns=replace(self.columns, label_names=tuple(names)))

    def refuse_inside(self, out: Path) -> None:
        """Refuse to write where an output would become a part of the dataset.

        Raises:
            NoisecleanerError: `out` lies in the dataset's folder.
        """
        home = os.path.join(os.path.realpath(self.data), "")
        if os.path.isdir(home) and os.path.join(os.path.realpath(out), "").startswith(home):
            raise NoisecleanerError(
                f"Outputs must lie outside the dataset, but {out} is inside {self.data}.",
                "Name another `out=DIR`.",
            )


def refuse_missing(name: str, field: str) -> None:
    """Refuse a file or folder of vectors that is not there.

    Args:
        name: of vectors, where no column is called so.
        field: of `Columns` that holds it.

    Raises:
        NoisecleanerError: it is a path on this machine, and nothing is there.
    """
    if "/" in name and "://" not in name and not (os.path.exists(name) or glob(name)):
        raise NoisecleanerError(
            f"`Columns.{field}` names a column, a file or a folder of vectors, but {name} does not exist.",
            f"Check the path, as in `Columns({field}=PATH)`; `embed()` makes a folder of embeddings.",
        )


def _is_file(name: str | None) -> bool:
    return name is not None and (name.endswith(VECTOR_FILES) or _is_folder(name))


def _is_folder(name: str) -> bool:
    """Whether a name is that of a folder of tables: a path with a slash, which names of columns hardly have."""
    return "://" in name or os.path.isabs(name) or ("/" in name and os.path.isdir(name))


def _placed(name: str | None) -> str | None:
    return absolute(name) if name is not None and _is_file(name) else name
