"""ScoredRows rows -> scores.parquet, report.parquet and noise.json, and the summary that a person reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from noisecleaner.arrays import BoolArray, FloatArray
from noisecleaner.files import write_json
from noisecleaner.noise.cuts import Cut
from noisecleaner.noise.rates import measure
from noisecleaner.noise.thresholds import Goal, choose
from noisecleaner.quality.calibration import reliability
from noisecleaner.runs.record import versions
from noisecleaner.runs.scored import IDENTITY, By, ScoredRows
from noisecleaner.runs.summary import Summary, Suspect, flag, likely_confusions, report, worst_classes
from noisecleaner.tables import REPORT, SCORES, write_table

#: What a threshold may cut.
BY: tuple[By, ...] = ("label_quality", "alpha")
_NUMBERS = ("alpha", "beta", "margin", "label_quality", "suggested_confidence")
#: Rows of scores.parquet that are put together at a time.
_BATCH = 2**17


@dataclass(frozen=True)
class Rule:
    """How rows are flagged.

    Args:
        by: the column that is cut.
        threshold: where, in [0, 1].
        goal: choose the threshold that reaches this instead.
    """

    by: By
    threshold: float
    goal: Goal | None


def write(out: Path, scored: ScoredRows, rule: Rule, origin: Mapping[str, Any]) -> Summary:
    """Write the three files and sum them up.

    Args:
        out: the directory, made where there is none.
        scored: the rows.
        rule: how they are flagged.
        origin: where they come from, kept in the files.

    Raises:
        TooFewVerifiedError: the goal cannot be reached with the verified rows; nothing is written.
    """
    rows, by = scored.rows(), rule.by
    values = scored.values(by)
    cut = Cut(values, rows)
    threshold = rule.threshold if rule.goal is None else choose(rule.goal, cut)
    unlabelled = (rows.given < 0) & (scored.suggested >= 0)
    flagged, known = flag(values, threshold) | unlabelled, np.isfinite(values)
    noise = measure(rows, scored.classes, scored.model)
    shown = [name for name in BY if np.isfinite(scored.values(name)).any()] or [by]
    meta = {**origin, "classes": list(scored.classes), "by": by, "threshold": threshold, "quality": scored.model}
    meta |= {"goal": asdict(rule.goal) if rule.goal else None, "versions": versions()}
    meta |= {"weighted": bool(np.isfinite(rows.probability[rows.audited]).any())}
    out.mkdir(parents=True, exist_ok=True)
    write_table(out / "scores.parquet", _scores(scored, flagged, known | unlabelled), SCORES, meta)
    reports = (report(name, cut if name == by else Cut(scored.values(name), rows)) for name in shown)
    write_table(out / "report.parquet", reports, REPORT, meta)
    judged = rows.judging & rows.audited & np.isfinite(rows.expected)
    calibrated = reliability(1 - rows.expected[judged], ~rows.wrong[judged])
    calibration = {"calibration": asdict(calibrated) if calibrated else None}
    write_json(out / "noise.json", {**noise.to_json(), "quality": scored.model, **calibration})
    return Summary(
        rows=len(rows.given),
        skipped=_counts(scored.identity["skip_reason"]),
        flagged=int(flagged.sum()),
        unlabelled=int(unlabelled.sum()),
        kept=int((known & ~flagged).sum()),
        by=by,
        threshold=threshold,
        goal=rule.goal,
        noise=noise,
        kept_noise=cut.wrong_among(threshold).kept,
        model=scored.model,
        reliability=calibrated,
        judged=int((rows.judging & rows.audited).sum()),
        classes=worst_classes(rows.given, flagged, noise, scored.classes),
        confusions=likely_confusions(rows.given, scored.suggested, flagged, scored.classes),
        suspects=_suspects(scored, values, cut),
    )


def _scores(scored: ScoredRows, flagged: BoolArray, known: BoolArray) -> Iterator[pa.Table]:
    """Make the rows of scores.parquet, a part at a time."""
    classes = pa.array(scored.classes, pa.string())
    for first in range(0, len(flagged), _BATCH):
        part = slice(first, first + _BATCH)
        suggested = scored.suggested[part]
        columns = {name: scored.identity[name].slice(first, _BATCH) for name in IDENTITY}
        numbers = {name: getattr(scored, name)[part] for name in _NUMBERS}
        columns |= {name: pa.array(v, pa.float32(), from_pandas=True) for name, v in numbers.items()}
        columns |= {"suggested_label": classes.take(pa.array(suggested, mask=suggested < 0))}
        columns |= {"flagged": pa.array(flagged[part], mask=~known[part])}
        yield pa.table({name: columns[name] for name in SCORES.names}, schema=SCORES)


def _suspects(scored: ScoredRows, values: FloatArray, cut: Cut, most: int = 10) -> list[Suspect]:
    """List the rows with the lowest values, in the order of the dataset where they are equal."""
    lowest = np.flatnonzero(values <= cut.values[:most].max(initial=-np.inf))
    order = lowest[np.argsort(values[lowest], kind="stable")][:most]
    return [
        Suspect(
            sample_id=scored.identity["sample_id"][int(i)].as_py(),
            given=scored.identity["given_label"][int(i)].as_py(),
            suggested=scored.classes[scored.suggested[i]] if scored.suggested[i] >= 0 else "",
            value=float(values[i]),
        )
        for i in order
    ]


def _counts(reasons: pa.ChunkedArray) -> dict[str, int]:
    return {c["values"]: c["counts"] for c in pc.value_counts(reasons.drop_null()).to_pylist()}
