"""The runs that are done: one JSON file for each of them, named after all that the run depends on."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from noisecleaner.bench._contract import Metrics, Row
from noisecleaner.errors import NoisecleanerError
from noisecleaner.files import read_record, write_record
from noisecleaner.runs.record import versions


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """What all runs of one `bench` share.

    Args:
        experiment: its name.
        scale: share of the paper's size.
        device: the kind of device: `cpu`, `cuda`.
        backbone: the network that is trained; None where it is the experiment's own.
        files: name below the data directory -> bytes, of all files that are read.
        options: the experiment's own, as they were given.
    """

    experiment: str
    scale: float
    device: str
    backbone: str | None
    files: Mapping[str, int]
    options: Mapping[str, Any]

    def of_run(self, row: Row, seed: int) -> Mapping[str, Any]:
        """All that one run depends on, as it stands in its record, so that no other scale or data is taken for it."""
        return {
            "experiment": self.experiment,
            "scale": self.scale,
            "device": self.device,
            "backbone": self.backbone,
            "files": self.files,
            **({"options": self.options} if self.options else {}),
            "row": {**row.setting, "method": row.method},
            "seed": seed,
        }


@dataclass(frozen=True)
class Record:
    """One run that is done.

    Args:
        identity: all that it depends on (see `Conditions.of_run`).
        metrics: what it measured.
        seconds: wall-clock time that it took.
    """

    identity: Mapping[str, Any]
    metrics: Metrics
    seconds: float

    @classmethod
    def read(cls, path: Path) -> Record:
        """Read a record.

        Raises:
            NoisecleanerError: there is no such file, or it is damaged.
        """
        identity = dict(read_record(path))
        metrics, seconds = identity.pop("metrics"), identity.pop("seconds")
        identity.pop("versions")
        return cls(identity, metrics, seconds)

    def write(self, path: Path) -> None:
        """Write it, with the versions of what measured it; it appears whole or not at all."""
        write_record(path, {**self.identity, "metrics": self.metrics, "seconds": self.seconds, "versions": versions()})


def record_path(folder: Path, identity: Mapping[str, Any]) -> Path:
    """Where the record of a run is kept; the name of its checkpoints begins likewise."""
    fingerprint = zlib.crc32(json.dumps(identity, sort_keys=True).encode())
    return folder / f"{identity['experiment']}-{identity['row']['method']}-{identity['seed']}-{fingerprint:08x}.json"


def all_records(folder: Path, experiment: str) -> Iterator[Record]:
    """Read what is done of an experiment, of any scale; a damaged record is left out until its run is repeated."""
    for path in sorted(folder.glob(f"{experiment}-*.json")):
        try:
            record = Record.read(path)
        except NoisecleanerError:
            continue
        if record.identity["experiment"] == experiment:  # a name may begin with another's
            yield record
