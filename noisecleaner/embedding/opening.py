"""Loads frozen networks in whichever process an engine maps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from noisecleaner.embedding.backbones import maker_of
from noisecleaner.embedding.embedder import Embedder
from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest.tables.maker import Maker
from noisecleaner.inputs.encoders import feature_encoder
from noisecleaner.networks.devices import choose_device
from noisecleaner.networks.joined import Joined
from noisecleaner.settings import Decoding


@dataclass(frozen=True, kw_only=True)
class Opening:
    """Loads the networks in whichever process, and refuses others than those that were chosen.

    Args:
        load: makes the networks.
        device: where to compute.
        decoding: threads and limits.
        maker: what the networks are.
    """

    load: Callable[[], Joined]
    device: str
    decoding: Decoding
    maker: Maker

    def __call__(self, threads: int | None = None) -> Embedder:
        """Load them, for so many threads; None takes those of `decoding`.

        Raises:
            NoisecleanerError: this process finds others.
        """
        joined = self.load()
        if other := list(self.maker.differences(maker_of(joined))):
            raise NoisecleanerError(
                f"Every process must load the networks that were chosen, with {', '.join(other)}, but one has others.",
                "Install the same packages and weights everywhere.",
            )
        decoding = self.decoding if threads is None else replace(self.decoding, threads=threads)
        return Embedder(feature_encoder(joined.parts, choose_device(self.device)), decoding)
