"""One vector a class, in the space of the rows' embeddings: what a model that saw no label knows of the classes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import overload

import numpy as np

from noisecleaner.arrays import SingleArray
from noisecleaner.errors import NoisecleanerError, listed
from noisecleaner.ingest.files.places import absolute
from noisecleaner.ingest.labels.lookalikes import explained
from noisecleaner.ingest.manifest import Manifest
from noisecleaner.ingest.source import VECTOR_FILES, Columns
from noisecleaner.ingest.vectors.columns import VectorFile
from noisecleaner.ingest.vectors.files import IdentifiedVectors, open_vectors
from noisecleaner.ingest.vectors.orders import AnyVectors
from noisecleaner.texts import counted

#: The column of class names in a table.
_CLASS = "class"
_HINT = (
    "Bring vectors with the names of the classes: an archive of `numpy.savez(PATH, ids=names, embeddings=vectors)`, or "
    f"a Parquet file with the columns {_CLASS} and embedding."
)


@overload
def read_class_vectors(path: str, dataset: Manifest) -> SingleArray: ...
@overload
def read_class_vectors(path: str | None, dataset: Manifest) -> SingleArray | None: ...
def read_class_vectors(path: str | None, dataset: Manifest) -> SingleArray | None:
    """Read the classes' vectors, shape [classes, width], in the order of the classes; None where there is no file.

    Args:
        path: a `.npy` file with a vector a class, in the order that somebody has told (`Columns.label_names`, a
            ClassLabel); or a `.npz` or `.parquet` file with the names of the classes, which may hold more of them.
        dataset: the rows, with their embeddings and classes.

    Raises:
        NoisecleanerError: the rows bring no embeddings of that width, the file cannot be read, it lacks a class or
            does not tell which vector is whose, or a vector cannot be used.
    """
    if path is None:
        return None
    width = _width(dataset, path)
    if not path.endswith(VECTOR_FILES):
        raise NoisecleanerError(
            f"Class embeddings need a file that ends in {listed(list(VECTOR_FILES))}, but it is called {path}.", _HINT
        )
    try:
        named = open_vectors(absolute(path), "embeddings", Columns(sample_id=_CLASS))
    except NoisecleanerError as error:
        raise NoisecleanerError(error.message, _HINT) from error  # what helps with rows does not help with classes
    if isinstance(named, IdentifiedVectors):
        vectors = _by_name(named, dataset.classes, path)
    else:
        vectors = _in_order(named, dataset, path)
    if vectors.shape[1] != width:
        raise NoisecleanerError(
            f"Class embeddings must lie in the space of the rows' embeddings, which have {width:,} numbers, but those "
            f"of {path} have {vectors.shape[1]:,}.",
            "Compute both with one model, such as the image and the text tower of one CLIP.",
        )
    _refuse_unusable(vectors, dataset.classes, path)
    return vectors.astype(np.float32)


def _width(dataset: Manifest, path: str) -> int:
    """Numbers in a row's embedding.

    Raises:
        NoisecleanerError: the rows bring none.
    """
    payload = dataset.payload
    if isinstance(payload, AnyVectors) and payload.kind == "embeddings":
        return payload.width
    found = "class probabilities" if isinstance(payload, AnyVectors) else "images"
    raise NoisecleanerError(
        f"Class embeddings are compared with the rows' embeddings, but the rows bring {found} beside {path}.",
        "Name the embeddings of the same model with `Columns(embedding=NAME)`, or leave `class_embeddings` out.",
    )


def _in_order(file: VectorFile, dataset: Manifest, path: str) -> SingleArray:
    """Take vectors in the order of the classes.

    Raises:
        NoisecleanerError: nobody has told that order, or there is not one vector for each class.
    """
    classes = dataset.classes
    if not dataset.ordered:
        raise NoisecleanerError(
            f"Vectors without names need an order of the classes, but nobody has told one: {path} does not say which "
            f"vector belongs to which of {listed(list(classes))}.",
            f"Name the classes in the order of the vectors with `Columns(label_names=FILE)`. {_HINT}",
        )
    if len(file) != len(classes):
        raise NoisecleanerError(
            f"Class embeddings need one vector for each of the {counted(len(classes), 'class', 'classes')}, but {path} "
            f"holds {len(file):,}.",
            f"Their order is that of {listed(list(classes))}. {_HINT}",
        )
    return np.asarray(file.array, dtype=np.float32)


def _by_name(named: IdentifiedVectors, classes: Sequence[str], path: str) -> SingleArray:
    """Find the vector of each class by its name.

    Raises:
        NoisecleanerError: a class has none, or a name stands twice.
    """
    names = named.ids.to_pylist()
    _refuse_unclear(names, path)
    if missing := [name for name in classes if name not in set(names)]:
        alike = explained(names, missing)
        raise NoisecleanerError(
            f"Every class needs an embedding, but {path} has none of {listed(missing)}{alike and ': '}{alike}.",
            "Spell the names as the labels are.",
        )
    places = {name: place for place, name in enumerate(names)}
    array = np.concatenate(list(named.vectors.blocks()))
    return array[[places[name] for name in classes]].astype(np.float32)


def _refuse_unclear(names: Sequence[str | None], path: str) -> None:
    """Refuse names that do not tell which vector is whose.

    Raises:
        NoisecleanerError: some are missing, or stand more than once.
    """
    if nameless := names.count(None):
        raise NoisecleanerError(
            f"Every class embedding needs the name of its class, but {nameless:,} of the {len(names):,} in {path} have "
            "none.",
            "Name those classes, or remove their rows.",
        )
    if twice := [name for name, times in Counter(names).items() if times > 1]:
        raise NoisecleanerError(
            f"Every class needs one embedding, but {path} holds more than one of {listed(twice)}.",
            "Keep one vector of each class, such as the mean of those that it has.",
        )


def _refuse_unusable(vectors: SingleArray, classes: Sequence[str], path: str) -> None:
    """Refuse vectors without a direction.

    Raises:
        NoisecleanerError: one holds NaN or infinity, or nothing but zeros.
    """
    bad = [classes[row] for row in np.flatnonzero(~np.isfinite(vectors).all(axis=1) | ~vectors.any(axis=1)).tolist()]
    if bad:
        raise NoisecleanerError(
            f"Class embeddings must be finite and not all zero, but those of {listed(bad)} in {path} are not.",
            "Compute them again.",
        )
