"""What a user asks of `embed`, as one value: no torch, so that asking for help costs nothing."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from noisecleaner.engines import is_elsewhere
from noisecleaner.errors import NoisecleanerError
from noisecleaner.files import spelled
from noisecleaner.ingest import Source
from noisecleaner.registry import check_choice, names_in
from noisecleaner.settings import Decoding, Model

#: Shards begin at multiples of this many rows: a network looks at up to as many images at once, and the same images
#: stand beside each other in every run.
ALIGNED = 64
#: Rows of a shard: 42 MB of 1,280 numbers.
ROWS_PER_SHARD = 16_384


@dataclass(frozen=True, kw_only=True)
class EmbedConfig:
    """What a user asks of `embed`.

    Args:
        source: the dataset, with images.
        model: what looks at them; frozen, and with weights of its own.
        decoding: how images are decoded.
        device: `auto`, `cpu`, `cuda`, `cuda:1`, …
        rows_per_shard: rows of a file, a multiple of 64.
        engine: a file of `engines/`.
        strict: make a row without a vector an error.
    """

    source: Source
    model: Model = field(default_factory=Model)
    decoding: Decoding = field(default_factory=Decoding)
    device: str = "auto"
    rows_per_shard: int = ROWS_PER_SHARD
    engine: str = "local"
    strict: bool = False

    def check(self) -> None:
        """Refuse what can be refused before anything is read.

        Raises:
            NoisecleanerError: names the parameter, what it may be and what it is.
        """
        check_choice(self.engine, names_in("engines"), parameter="`engine`")
        if is_elsewhere(self.engine) and self.device not in ("auto", "cpu", "cuda"):
            raise NoisecleanerError(
                f"`engine={self.engine!r}` gives each process a device of its own, but `device={self.device!r}` names "
                "one of this machine.",
                "Give auto, cpu or cuda.",
            )
        if self.rows_per_shard < ALIGNED or self.rows_per_shard % ALIGNED:
            near = max(ALIGNED, self.rows_per_shard // ALIGNED * ALIGNED)
            raise NoisecleanerError(
                f"`rows_per_shard` must be a multiple of {ALIGNED}, so that the same images stand beside each other "
                f"in every run, but it is {self.rows_per_shard:,}.",
                f"Give `rows_per_shard={near}`.",
            )
        if self.model.hidden or self.model.frozen is False:
            raise NoisecleanerError(
                "Vectors are made by a network as it is, but `Model.hidden` or `Model(frozen=False)` asks for one that "
                "is trained.",
                "Leave it out, and pass it to `fit(...)` where that applies.",
            )

    def to_json(self) -> dict[str, Any]:
        """Give what must be the same when a run goes on: plain values; not the engine, which changes no number."""
        model = asdict(self.model)
        del model["frozen"], model["hidden"]
        return {
            "source": self.source.to_json(),
            "model": model | {"weights": spelled(self.model.weights)},
            "max_pixels": self.decoding.max_pixels,
            "rows_per_shard": self.rows_per_shard,
            "device": self.device,
        }
