"""Which verified rows label quality of new rows is calibrated on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from noisecleaner.noise.rate import whole

_Data = Literal["fitted", "scored"]


@dataclass(frozen=True, kw_only=True)
class Basis:
    """Verified rows that a calibration rests on.

    Args:
        rows: how many there are.
        data: whether they are of the fitted rows, or of the new ones that are scored.
    """

    rows: int
    data: _Data

    def to_json(self) -> dict[str, Any]:
        """Describe it as a JSON object."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Basis:
        """Bring back what `to_json` described.

        Raises:
            KeyError, ValueError: it is no such thing.
        """
        for data in get_args(_Data):
            if content["data"] == data:
                return cls(rows=whole(content["rows"]), data=data)
        raise ValueError(f"{content['data']!r} rows are neither fitted nor scored")
