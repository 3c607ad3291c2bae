"""Class probabilities whose columns have names, put in the order of the classes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from noisecleaner.arrays import RealArray
from noisecleaner.errors import NoisecleanerError, listed
from noisecleaner.ingest.labels.lookalikes import explained
from noisecleaner.ingest.manifest import Payload, VectorKind
from noisecleaner.ingest.tables.maker import Maker
from noisecleaner.ingest.vectors.columns import VectorColumn, VectorFile
from noisecleaner.ingest.vectors.files import JoinedVectors


@dataclass(frozen=True, kw_only=True)
class NamedProbabilities:
    """Probabilities of which it is known which class each column belongs to.

    Args:
        vectors: the probabilities as they were brought.
        names: of their columns.
        order: which of the columns is that of the first class, of the second, …
    """

    vectors: VectorColumn | VectorFile | JoinedVectors
    names: tuple[str, ...]
    order: tuple[int, ...]

    @property
    def kind(self) -> VectorKind:
        """What the vectors are."""
        return "probabilities"

    @property
    def width(self) -> int:
        """Numbers in a vector."""
        return len(self.order)

    @property
    def maker(self) -> Maker | None:
        """What made the vectors, where that is told."""
        return self.vectors.maker

    @property
    def told_by_itself(self) -> bool:
        """Whether the names came with the numbers, so that nothing can have been confused."""
        return bool(self.vectors.names)

    def blocks(self) -> Iterator[RealArray]:
        """Yield arrays of shape [rows, classes] in row order; a null vector is a row of NaN."""
        for block in self.vectors.blocks():
            yield block[:, list(self.order)]


#: Every payload of vectors, to tell it from images.
AnyVectors = VectorColumn | VectorFile | JoinedVectors | NamedProbabilities


def in_order(payload: Payload, classes: Sequence[str], told: Sequence[str] = ()) -> Payload:
    """Put probabilities whose columns have names in the order of these classes; other content stays as it is.

    Args:
        payload: what rows bring.
        classes: the class names.
        told: names of the columns, where the user has told them, for those that bring none of their own.

    Raises:
        NoisecleanerError: the names are not those of the classes.
    """
    if not isinstance(payload, (VectorColumn, VectorFile, JoinedVectors)) or payload.kind != "probabilities":
        return payload
    names = payload.names or (tuple(told) if len(told) == payload.width and tuple(told) != tuple(classes) else ())
    if not names:
        return payload
    return NamedProbabilities(vectors=payload, names=names, order=_order(names, classes, payload.where))


def _order(names: Sequence[str], classes: Sequence[str], where: str) -> tuple[int, ...]:
    """Find where the number of each class stands among named ones.

    Raises:
        NoisecleanerError: the names are not those of the classes.
    """
    missing, more = [name for name in classes if name not in names], [name for name in names if name not in classes]
    if missing or more:
        alike = explained(more, classes)
        raise NoisecleanerError(
            f"Named class probabilities need the classes of the dataset, but those of {where} name "
            f"{listed(more) if more else 'fewer'} and lack {listed(missing)}{alike and ': '}{alike}.",
            "Spell them as the labels are; a class that no row was given is declared by a file of all class names, "
            "`Columns(label_names=FILE)`.",
        )
    places = {name: place for place, name in enumerate(names)}
    return tuple(places[name] for name in classes)
