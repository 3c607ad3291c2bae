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

from noisecleaner.errors import NoisecleanerError
from noisecleaner.files import write_json
from noisecleaner.ingest import Source, ingest, refuse_skips
from noisecleaner.ingest.labels import indices
from noisecleaner.methods import check_choice
from noisecleaner.noise import measure, wilson
from noisecleaner.progress import Progress
from noisecleaner.reports import Summary, Suspect, flag, likely_confusions, report, worst_classes
from noisecleaner.runs import Run, versions
from noisecleaner.tables import REPORT, SCORES, TRACE, read_table, write_table

FloatArray = npt.NDArray[np.float64]
BY = ["label_quality", "alpha"]


@dataclass(frozen=True)
class _Rows:
    """What scores are made of; every array has the shape [rows], NaN where a row has no such number.

    Args:
        identity: sample_id, path, given_label, trusted_label and skip_reason.
        numbers: alpha, beta, margin, label_quality and suggested_confidence.
        candidate: class index of the most probable other label, -1 where there is none.
        judging: audited rows that may measure the result.
        classes: the class names.
        model: how label quality was made.
    """

    identity: pa.Table
    numbers: dict[str, FloatArray]
    candidate: npt.NDArray[np.int64]
    judging: npt.NDArray[np.bool_]
    classes: tuple[str, ...]
    model: str

    def index(self, column: str) -> npt.NDArray[np.int64]:
        """Class index of a label column, -1 where it is null or the row was skipped."""
        readable = np.asarray(pc.is_null(self.identity["skip_reason"]))
        return np.where(readable, indices(self.identity[column], self.classes), -1)


def score(run: Path, *, threshold: float = 0.5, by: str | None = None) -> Summary:
    """Score the fitted rows; write scores.parquet, report.parquet and noise.json into the run directory.

    Args:
        run: the run directory of a finished fit.
        threshold: rows below it are flagged, in [0, 1].
        by: the column that the threshold cuts, `label_quality` or `alpha`; None takes the first, except after a
            transfer, in which rows of the dataset have only alpha: how much they help the target.

    Raises:
        NoisecleanerError: the run is damaged or unfinished, or an option is out of range.
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
    numbers = {
        name: trace[name].to_numpy().astype(np.float64)
        for name in ("alpha", "beta", "margin", "label_quality", "suggested_confidence")
    }
    rows = _Rows(
        identity=trace.select(["sample_id", "path", "given_label", "trusted_label", "skip_reason"]),
        numbers=numbers,
        candidate=np.asarray(pc.fill_null(pc.list_element(trace["candidates"], 0), -1)).astype(np.int64),
        judging=np.asarray(trace["judging"]),
        classes=tuple(meta["classes"]),
        model=str(meta["quality"]),
    )
    return _write(run, rows, threshold, by, {"run": str(run), "source": record["options"]["source"]})


def score_new(
    run: Path,
    source: Source,
    out: Path,
    *,
    trusted: str | None = None,
    threshold: float = 0.5,
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
    quality = auditor.quality.quality(columns, new=True)
    numbers = {"label_quality": quality, "suggested_confidence": auditor.quality.confidence(columns, quality)}
    spread = {name: _spread(len(dataset), known, values) for name, values in numbers.items()}
    nothing = np.full(len(dataset), np.nan)
    rows = _Rows(
        identity=dataset.table,
        numbers={"alpha": nothing, "beta": nothing, "margin": nothing, **spread},
        candidate=_spread(len(dataset), known, columns["candidates"][:, 0].astype(np.int64), -1),
        judging=(dataset.given >= 0) & (dataset.trusted >= 0),
        classes=auditor.classes,
        model=auditor.quality.method_for(new=True),
    )
    out.mkdir(parents=True, exist_ok=True)
    return _write(out, rows, threshold, "label_quality", {"run": str(run), "source": asdict(source)})


def _write(out: Path, rows: _Rows, threshold: float, by: str, origin: Mapping[str, Any]) -> Summary:
    """Write the three files and sum them up."""
    # float32 first: the flags must follow from the numbers that stand in the file
    values = {name: column.astype(np.float32).astype(np.float64) for name, column in rows.numbers.items()}
    given, trusted = rows.index("given_label"), rows.index("trusted_label")
    unlabelled = (given < 0) & (rows.candidate >= 0)
    flagged = flag(values[by], threshold) | unlabelled
    noise = measure(given, trusted, values["label_quality"], rows.classes, rows.model)
    wrong = rows.judging & (given != trusted)
    shown = [name for name in BY if np.isfinite(values[name]).any()] or [by]
    meta = {
        **origin,
        "classes": list(rows.classes),
        "by": by,
        "threshold": threshold,
        "quality": rows.model,
        "versions": versions(),
    }
    write_table(
        out / "scores.parquet", [_scores(rows, values, flagged, np.isfinite(values[by]) | unlabelled)], SCORES, meta
    )
    write_table(out / "report.parquet", [report(n, values[n], rows.judging, wrong) for n in shown], REPORT, meta)
    write_json(out / "noise.json", {**noise.to_json(rows.classes), "quality": rows.model})
    kept = np.isfinite(values[by]) & ~flagged
    return Summary(
        rows=len(given),
        skipped=_counts(rows.identity["skip_reason"]),
        flagged=int(flagged.sum()),
        unlabelled=int(unlabelled.sum()),
        kept=int(kept.sum()),
        by=by,
        threshold=threshold,
        noise=noise,
        kept_noise=wilson(int((wrong & kept).sum()), int((rows.judging & kept).sum())),
        model=rows.model,
        judged=int(rows.judging.sum()),
        classes=worst_classes(given, flagged, noise, rows.classes),
        confusions=likely_confusions(given, rows.candidate, flagged, rows.classes),
        suspects=_suspects(rows, values[by]),
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


def _scores(
    rows: _Rows, values: Mapping[str, FloatArray], flagged: npt.NDArray[np.bool_], known: npt.NDArray[np.bool_]
) -> pa.Table:
    suggested = pa.array(rows.classes, pa.string()).take(pa.array(rows.candidate, mask=rows.candidate < 0))
    columns = {
        name: rows.identity[name] for name in ("sample_id", "path", "given_label", "trusted_label", "skip_reason")
    }
    columns |= {name: pa.array(v, pa.float32(), from_pandas=True) for name, v in values.items()}
    columns |= {"suggested_label": suggested, "flagged": pa.array(flagged, mask=~known)}
    return pa.table({name: columns[name] for name in SCORES.names}, schema=SCORES)


def _suspects(rows: _Rows, values: FloatArray, most: int = 10) -> list[Suspect]:
    order = np.argsort(np.where(np.isfinite(values), values, np.inf), kind="stable")[:most]
    return [
        Suspect(
            sample_id=rows.identity["sample_id"][int(i)].as_py(),
            given=rows.identity["given_label"][int(i)].as_py(),
            suggested=rows.classes[rows.candidate[i]] if rows.candidate[i] >= 0 else "",
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
