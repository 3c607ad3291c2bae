"""`auditor.json`: what scoring new rows needs beside the folds' networks."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from noisecleaner.files import damaged, read_record, write_record
from noisecleaner.ingest.tables.maker import Maker
from noisecleaner.networks.shapes import Shape
from noisecleaner.quality.model import QualityModel
from noisecleaner.runs.run import Run


@dataclass(frozen=True, kw_only=True)
class AuditorRecord:
    """`auditor.json`: what scoring new rows needs beside the folds' networks.

    Args:
        classes: the class names, in the order of their indices.
        folds: how many networks there are.
        shape: of each.
        quality: how label quality is made of what they predict.
        ordered: whether somebody has told the order of the classes, see `Manifest.ordered`.
        zero_shot: whether vectors of the classes stand beside the networks.
        maker: what made the vectors that the rows brought, where they told; None where they brought images.
    """

    classes: tuple[str, ...]
    folds: int
    shape: Shape
    quality: QualityModel
    ordered: bool = False
    zero_shot: bool = False
    maker: Maker | None = None

    def write(self, run: Run) -> None:
        """Write it into a run."""
        content = {"classes": list(self.classes), "folds": self.folds, "shape": asdict(self.shape)}
        more = {"quality": self.quality.to_json(), "ordered": self.ordered, "zero_shot": self.zero_shot}
        more |= {} if self.maker is None else {"maker": self.maker.to_json()}
        write_record(run.auditor / "auditor.json", {**content, **more})

    @classmethod
    def read(cls, run: Run) -> AuditorRecord:
        """Read it from a run.

        Raises:
            NoisecleanerError: it is missing or damaged.
        """
        path = run.auditor / "auditor.json"
        content = read_record(path)
        try:
            return cls(
                classes=tuple(content["classes"]),
                folds=int(content["folds"]),
                shape=Shape.from_json(content["shape"]),
                quality=QualityModel.from_json(content["quality"]),
                ordered=bool(content.get("ordered", False)),  # earlier versions did not say
                zero_shot=bool(content.get("zero_shot", False)),
                maker=Maker.from_json(content["maker"]) if "maker" in content else None,
            )
        except (KeyError, TypeError, ValueError) as error:
            raise damaged(path, error) from error
