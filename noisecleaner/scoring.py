"""`score`: a run -> scores.parquet, report.parquet and noise.json, for the fitted rows or for new ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from noisecleaner.calibration import reliability
from noisecleaner.cuts import Cut
from noisecleaner.errors import NoisecleanerError
from noisecleaner.estimate import BoolArray, FloatArray
from noisecleaner.files import write_json
from noisecleaner.ingest import Columns, Source, ingest, refuse_skips
from noisecleaner.methods import check_choice
from noisecleaner.noise import measure
from noisecleaner.progress import Progress
from noisecleaner.randomness import picked_by_looks
from noisecleaner.reports import Summary, Suspect, flag, likely_confusions, report, worst_classes
from noisecleaner.runs import Run, versions
from noisecleaner.scored import IDENTITY, NUMBERS, Scored, from_trace, verified_since
from noisecleaner.tables import REPORT, SCORES, TRACE, read_table, write_table
from noisecleaner.thresholds import Goal, choose

BY = ["label_quality", "alpha"]


def score(
    run: Path,
    *,
    threshold: float = 0.5,
    by: str | None = None,
    goal: Goal | None = None,
    trusted: str | None = None,
    progress: Progress | None = None,
) -> Summary:
    """Score the fitted rows; write scores.parquet, report.parquet and noise.json into the run directory.

    Args:
        run: the run directory of a finished fit.
        threshold: rows below it are flagged, in [0, 1].
        by: the column that the threshold cuts, `label_quality` or `alpha`; None takes the first, except after a
            transfer, in which rows of the dataset have only alpha: how much they help the target.
        goal: choose the threshold that reaches this instead.
        trusted: labels of fitted rows that were verified since, joined on `sample_id`; label quality is fitted again.
        progress: is told what is odd; silent by default.

    Raises:
        NoisecleanerError: the run is damaged or unfinished, or an option is out of range.
        TooFewVerifiedError: the goal cannot be reached with the verified rows; nothing is written.
    """
    _check(threshold, by or BY[0])
    opened = Run(run)
    record = opened.read_fitted()
    trace, meta = read_table(opened.trace, TRACE)
    if meta["quality"] == "transfer" and by == "label_quality":
        raise NoisecleanerError(
            f"--by label_quality needs label quality, but {run} is a transfer: its rows are of other classes than the "
            "target, and it only knows how much they help.",
            "Cut by that, alpha: leave --by out.",
        )
    by = by or ("alpha" if meta["quality"] == "transfer" else "label_quality")
    scored = from_trace(trace, tuple(meta["classes"]), str(meta["quality"]))
    source = record["options"]["source"]
    if trusted is not None:
        columns = Columns(**source["columns"])
        like = Source(source["data"], columns, source["allow_absolute"])
        before, scored = scored, verified_since(scored, trace, trusted, like)
        picked = _picked(before, scored)
        if picked is not None and progress is not None:
            progress.warn(picked)
    return _write(run, scored, _Rule(by, threshold, goal), {"run": str(run), "source": source})


def score_new(
    run: Path,
    source: Source,
    out: Path,
    *,
    trusted: str | None = None,
    threshold: float = 0.5,
    goal: Goal | None = None,
    device: str = "auto",
    max_pixels: int | None = None,
    strict: bool = False,
    progress: Progress | None = None,
) -> Summary:
    """Score rows that were not fitted, without training; write the same three files into `out`.

    Rows with a label that the fitted data does not know are skipped. alpha, beta and margin are null, because
    they tell what training did with a row. After a transfer, rows get labels of the target's classes suggested;
    those without a label are flagged, so that an export with `relabel` gives them the suggested one.

    Args:
        run: the run directory of a finished fit.
        source: the new rows.
        out: where to write; files of an earlier score there are replaced.
        trusted: verified labels of new rows, joined on `sample_id`; they measure the result.
        threshold: rows with a lower label quality are flagged, in [0, 1].
        goal: choose the threshold that reaches this instead.
        device: where to compute.
        max_pixels: width times height above which an image is refused.
        strict: make a row that cannot be used an error.
        progress: is told what happens; silent by default.

    Raises:
        NoisecleanerError: run, rows or options cannot be used; nothing is written.
    """
    from noisecleaner.auditing import Auditor
    from noisecleaner.inputs import Decoding

    _check(threshold, "label_quality")
    source.refuse_inside(out)
    if (out / "run.json").exists():
        raise NoisecleanerError(
            f"Scores of new rows must not replace those of a run, but {out} is a run directory.",
            "Name another directory with --out DIR, or leave --out away.",
        )
    opened = Run(run)
    opened.read_fitted()
    auditor = Auditor(opened)
    dataset, _ = ingest(source, trusted, auditor.classes)
    if auditor.quality.method == "transfer":
        dataset = dataset.keeping_unlabelled()
    if strict:
        refuse_skips(dataset)
    decoding = Decoding() if max_pixels is None else Decoding(max_pixels=max_pixels)
    told = progress or Progress()
    scratch = next(folder for folder in out.absolute().parents if folder.is_dir())  # /tmp may be small, or memory
    _warn_of_fitted(opened, dataset.table["sample_id"], told)
    dataset, known, columns = auditor.predict(dataset, device, decoding, scratch, told)
    if strict:
        refuse_skips(dataset)
    columns["given"] = dataset.given[known]
    quality = auditor.quality.quality(columns, new=True)
    suggested, confidence = auditor.quality.suggest(columns, quality)
    nothing = np.full(len(dataset), np.nan)
    numbers = dict.fromkeys(NUMBERS, nothing)
    numbers |= {"label_quality": _spread(len(dataset), known, quality)}
    numbers |= {"suggested_confidence": _spread(len(dataset), known, confidence)}
    scored = Scored(
        identity=dataset.table.select(list(IDENTITY)),
        numbers=numbers,
        suggested=_spread(len(dataset), known, suggested, -1),
        judging=(dataset.given >= 0) & (dataset.trusted >= 0),
        probability=dataset.sample_probability,
        classes=auditor.classes,
        model=auditor.quality.method_for(new=True),
    )
    rule = _Rule("label_quality", threshold, goal)
    origin = {"run": str(run), "source": asdict(source)}
    return _write(out, scored, rule, origin)


def _picked(before: Scored, after: Scored) -> str | None:
    """Say so where the rows that were verified since look picked, by the label quality from before."""
    fresh = (after.index("trusted_label") >= 0) & (before.index("trusted_label") < 0)
    drawn = np.isfinite(after.probability).any()
    return None if drawn else picked_by_looks(before.numbers["label_quality"], fresh)


@dataclass(frozen=True)
class _Rule:
    """How rows are flagged: by which column, at which threshold, or to reach which goal."""

    by: str
    threshold: float
    goal: Goal | None


def _write(out: Path, scored: Scored, rule: _Rule, origin: Mapping[str, Any]) -> Summary:
    """Write the three files and sum them up."""
    scored = scored.stored()
    values, rows, by = scored.numbers, scored.rows(), rule.by
    cut = Cut(values[by], rows)
    threshold = rule.threshold if rule.goal is None else choose(rule.goal, cut)
    unlabelled = (rows.given < 0) & (scored.suggested >= 0)
    flagged = flag(values[by], threshold) | unlabelled
    noise = measure(rows, scored.classes, scored.model)
    shown = [name for name in BY if np.isfinite(values[name]).any()] or [by]
    meta = {**origin, "classes": list(scored.classes), "by": by, "threshold": threshold, "quality": scored.model}
    meta |= {"goal": asdict(rule.goal) if rule.goal else None, "versions": versions()}
    meta |= {"weighted": bool(np.isfinite(rows.probability[rows.audited]).any())}
    out.mkdir(parents=True, exist_ok=True)
    scores = _scores(scored, flagged, np.isfinite(values[by]) | unlabelled)
    write_table(out / "scores.parquet", [scores], SCORES, meta)
    write_table(out / "report.parquet", [report(name, Cut(values[name], rows)) for name in shown], REPORT, meta)
    judged = rows.judging & rows.audited & np.isfinite(values["label_quality"])
    calibrated = reliability(values["label_quality"][judged], ~rows.wrong[judged])
    calibration = {"calibration": asdict(calibrated) if calibrated else None}
    write_json(out / "noise.json", {**noise.to_json(scored.classes), "quality": scored.model, **calibration})
    kept = np.isfinite(values[by]) & ~flagged
    return Summary(
        rows=len(rows.given),
        skipped=_counts(scored.identity["skip_reason"]),
        flagged=int(flagged.sum()),
        unlabelled=int(unlabelled.sum()),
        kept=int(kept.sum()),
        by=by,
        threshold=threshold,
        goal=rule.goal,
        noise=noise,
        kept_noise=cut.wrong_among(threshold)[1],
        model=scored.model,
        reliability=calibrated,
        judged=int((rows.judging & rows.audited).sum()),
        classes=worst_classes(rows.given, flagged, noise, scored.classes),
        confusions=likely_confusions(rows.given, scored.suggested, flagged, scored.classes),
        suspects=_suspects(scored, values[by]),
    )


def _warn_of_fitted(run: Run, ids: pa.ChunkedArray, told: Progress) -> None:
    """Say so when rows are not new: most of the networks have trained on their labels."""
    fitted = read_table(run.trace, TRACE)[0]["sample_id"].combine_chunks()
    count = pc.sum(pc.is_in(ids, value_set=fitted)).as_py() or 0
    if count:
        told.warn(
            f"{count:,} of {len(ids):,} sample ids belong to rows that were fitted; their labels were trained on, so "
            f"these scores trust them too much. Honest ones: noisecleaner score {run.path}"
        )


def _scores(scored: Scored, flagged: BoolArray, known: BoolArray) -> pa.Table:
    suggested = pa.array(scored.classes, pa.string()).take(pa.array(scored.suggested, mask=scored.suggested < 0))
    columns = {name: scored.identity[name] for name in IDENTITY}
    columns |= {name: pa.array(v, pa.float32(), from_pandas=True) for name, v in scored.numbers.items()}
    columns |= {"suggested_label": suggested, "flagged": pa.array(flagged, mask=~known)}
    return pa.table({name: columns[name] for name in SCORES.names}, schema=SCORES)


def _suspects(scored: Scored, values: FloatArray, most: int = 10) -> list[Suspect]:
    order = np.argsort(np.where(np.isfinite(values), values, np.inf), kind="stable")[:most]
    return [
        Suspect(
            sample_id=scored.identity["sample_id"][int(i)].as_py(),
            given=scored.identity["given_label"][int(i)].as_py(),
            suggested=scored.classes[scored.suggested[i]] if scored.suggested[i] >= 0 else "",
            value=float(values[i]),
        )
        for i in order
        if np.isfinite(values[i])
    ]


def _counts(reasons: pa.ChunkedArray) -> dict[str, int]:
    return {c["values"]: c["counts"] for c in pc.value_counts(reasons.drop_null()).to_pylist()}


def _spread(
    rows: int, where: npt.NDArray[np.int64], values: npt.NDArray[Any], fill: float = np.nan
) -> npt.NDArray[Any]:
    spread = np.full(rows, fill, values.dtype)
    spread[where] = values
    return spread


def _check(threshold: float, by: str) -> None:
    check_choice("--by", by, BY)
    if not 0 <= threshold <= 1:
        raise NoisecleanerError(
            f"--threshold must lie in [0, 1], but it is {threshold}.", "The default is --threshold 0.5."
        )
