"""What a gate reads of a scored run: how many rows are flagged and kept, and the noise measured on audited ones."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from noisecleaner.errors import NoisecleanerError
from noisecleaner.noise.rate import Rate
from noisecleaner.tables import META_KEY

_COLUMNS = ["given_label", "trusted_label", "flagged"]


@dataclass(frozen=True)
class Scored:
    """A scored run in numbers.

    Args:
        path: its directory.
        rows: given class -> scored rows; every class of the run is there.
        kept: given class -> those of them that are not flagged.
        scored: scored rows; also those without a given label.
        flagged: those of them that are flagged.
        overall: share of wrong labels.
        per_class: given class -> share of wrong labels in it.
    """

    path: Path
    rows: Mapping[str, int]
    kept: Mapping[str, int]
    scored: int
    flagged: int
    overall: Rate
    per_class: Mapping[str, Rate]


def read_scored(path: Path) -> Scored:
    """Read scores.parquet (batch by batch: it may be large) and noise.json of a scored run.

    Args:
        path: a run directory after `score`, or the output of `score --data`.

    Raises:
        NoisecleanerError: one of them is missing or damaged, they do not belong together, or no row is scored.
    """
    table, summary = path / "scores.parquet", path / "noise.json"
    if not table.exists():
        found = "has not been scored yet" if path.is_dir() else "does not exist"
        raise NoisecleanerError(
            f"A gate needs a run that has been scored, but {path} {found}.", f"Score it: noisecleaner score {path}"
        )
    classes, counts, verified = _count(table)
    scored = {key: n for key, n in counts.items() if key[1] is not None}
    if not scored:
        raise NoisecleanerError(
            f"A gate needs scored rows, but {table} has none: an empty table must not pass.",
            "See its skip_reason column for why rows were left out.",
        )
    overall, per_class = _noise(summary)
    if set(per_class) != set(classes) or overall.sample_size > verified:
        raise _broken(summary, f"it does not belong to {table}")
    return Scored(
        path=path,
        rows={name: scored.get((name, False), 0) + scored.get((name, True), 0) for name in classes},
        kept={name: scored.get((name, False), 0) for name in classes},
        scored=sum(scored.values()),
        flagged=sum(n for (_, flagged), n in scored.items() if flagged),
        overall=overall,
        per_class={name: per_class[name] for name in classes},
    )


def _count(path: Path) -> tuple[list[str], Counter[tuple[str | None, bool | None]], int]:
    """Class names, rows by given label and flag, and how many rows are verified."""
    counts: Counter[tuple[str | None, bool | None]] = Counter()
    verified = 0
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            classes = json.loads((file.schema_arrow.metadata or {})[META_KEY])["classes"]
            for batch in file.iter_batches(columns=_COLUMNS):
                grouped = (
                    pa.Table.from_batches([batch]).group_by(["given_label", "flagged"]).aggregate([([], "count_all")])
                )
                for line in grouped.to_pylist():
                    counts[line["given_label"], line["flagged"]] += line["count_all"]
                verified += pc.count(batch["trusted_label"]).as_py()
    except (OSError, pa.ArrowException, KeyError, TypeError, ValueError) as error:
        raise _broken(path, error) from error
    if not (isinstance(classes, list) and all(isinstance(name, str) for name in classes)):
        raise _broken(path, "its classes are missing")
    return classes, counts, verified


def _noise(path: Path) -> tuple[Rate, dict[str, Rate]]:
    try:
        content = json.loads(path.read_bytes())
        overall = Rate.from_json(content["overall"])
        return overall, {name: Rate.from_json(entry) for name, entry in content["per_given_class"].items()}
    except (OSError, KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
        raise _broken(path, error) from error


def _broken(path: Path, reason: object) -> NoisecleanerError:
    return NoisecleanerError(
        f"{path} is required, but it cannot be used ({reason}).",
        "Score the run again: `noisecleaner score` writes it.",
    )
