"""Large datasets: seconds and memory of scoring, gating, exporting and fitting up to ten million rows."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from noisecleaner.arrays import IntArray, RealArray
from noisecleaner.bench import Experiment, Metrics, Row, Work
from noisecleaner.bench._datasets import scaled
from noisecleaner.errors import NoisecleanerError
from noisecleaner.files import scratch_folder
from noisecleaner.fitting import fit
from noisecleaner.ingest import Columns, Source
from noisecleaner.runs.config import FitConfig
from noisecleaner.runs.scored_run import ScoredRun
from noisecleaner.settings import Effort

_SIZES = (100_000, 1_000_000, 1_280_000)
_CLASSES = 1_000
#: Rows of fewer classes, as many as a file of 4 GB holds; and those of a fit, with numbers of a vector.
_MANY = {"rows": 10_000_000, "classes": 100}
_FITTED, _WIDTH = {"rows": 1_000_000, "classes": 100}, 1_280
#: Rows that the auditor is fitted on beforehand, how often it sees them, and which share of them is verified.
_SAMPLE, _EPOCHS, _VERIFIED = 5_000, 5, 0.2
_WRONG = 0.2
_BLOCK = 10_000
_LEAST = 200
#: Rows of a table that are written together; verified rows of a fit.
_TOGETHER, _VERIFIED_ROWS = 2**17, 1_000
_COMMAND = (sys.executable, "-m", "noisecleaner")
_READ_SECONDS = 0.01

#: True classes [n] -> vectors of such rows [n, width].
_Draw = Callable[[IntArray], RealArray]

_CLEANLAB = {
    "cleanlab": """
import sys
import numpy as np
from cleanlab.filter import find_label_issues
labels, probabilities = (np.load(path) for path in sys.argv[1:])
print(find_label_issues(labels, probabilities, n_jobs=1).sum())
""",
    "cleanlab batched": """
import sys
from cleanlab.experimental.label_issues_batched import find_label_issues_batched
labels, probabilities = sys.argv[1:]
print(len(find_label_issues_batched(labels_file=labels, pred_probs_file=probabilities, n_jobs=1, verbose=False)))
""",
}


class Scale(Experiment):
    """Probabilities of a made-up model in a .npy file, 20 % of the labels wrong; `scale` is the share of the rows.

    `gate` and `export-clean` are measured on rows that were scored before, `fit` on embeddings of 1,280 numbers in half
    precision, with 1,000 verified rows and 5 epochs. `bytes_per_row` is the whole peak, shared out among the rows: what
    a row takes is the difference of two peaks, divided by that of the rows.

    Each measurement is a process of its own, from its start to its end: `noisecleaner score RUN --data` with a run
    that was fitted on 5,000 other rows before; `find_label_issues` of cleanlab on arrays in memory, and its version
    that reads the file in batches. `peak_megabytes` is the largest anonymous resident memory, so that pages of the
    file that the system keeps do not count; `flagged` the share of rows that are called wrong. At scale 1 the file
    takes 5.1 GB in the output directory for as long as a run lasts, and 4 GB of the ten million rows.
    """

    scale = 0.1

    rows = (
        *(Row("noisecleaner", {"rows": size, "classes": _CLASSES}) for size in _SIZES),
        Row("cleanlab", {"rows": _SIZES[0], "classes": _CLASSES}),
        *(Row("cleanlab batched", {"rows": size, "classes": _CLASSES}) for size in _SIZES),
        *(Row(method, _MANY) for method in ("noisecleaner", "gate", "export-clean")),
        Row("fit", _FITTED),
    )

    def run(self, row: Row, work: Work) -> Metrics:
        """Make the data, find the wrong labels in another process, and watch it."""
        _check_installed(row.method)
        count = scaled(int(row.setting["rows"]), work.scale, least=_LEAST)
        size = _Size(rows=count, classes=int(row.setting["classes"]))
        with scratch_folder(work.checkpoint.parent, "bench") as folder:
            usage, flagged = _measured(row.method, folder, size, work)
        found = {} if flagged is None else {"flagged": flagged / count}
        return {
            "work_seconds": usage.seconds,
            "rows_per_second": count / usage.seconds,
            "peak_megabytes": usage.megabytes,
            "bytes_per_row": usage.megabytes * 1e6 / count,
            **found,
        }


@dataclass(frozen=True, kw_only=True)
class _Size:
    """How many rows are made, and of how many classes."""

    rows: int
    classes: int


def _measured(method: str, folder: Path, size: _Size, work: Work) -> tuple[_Usage, int | None]:
    """Make the data, measure a process on it, and say how many rows it flags, where it does that."""
    if method == "fit":
        return _watched(_fitting(folder, size, work)), None
    files = _make(folder, size, (work.seed, 1), work)
    if method in _CLEANLAB:
        arrays = (str(files.labels), str(files.probabilities))
        usage = _watched([sys.executable, "-c", _CLEANLAB[method], *arrays])
        return usage, int(usage.printed.split()[-1])
    usage = _watched(_prepared(folder, files, size, work))
    flagged = ScoredRun(folder / "scored").counts.flagged
    if method == "noisecleaner":
        return usage, flagged
    words = ["--max-flagged", "1"] if method == "gate" else ["--out", str(folder / "clean")]
    return _watched([*_COMMAND, method, str(folder / "scored"), *words]), flagged


def _check_installed(method: str) -> None:
    if not Path("/proc/self/status").exists():
        raise NoisecleanerError("The benchmark scale reads memory from /proc, which only Linux has.", "Use Linux.")
    if method in _CLEANLAB and find_spec("cleanlab") is None:
        raise NoisecleanerError(
            "The benchmark scale compares with cleanlab, which is not installed.", "pip install 'noisecleaner[bench]'"
        )


@dataclass(frozen=True, kw_only=True)
class _Files:
    """Files of made-up rows: ids and given labels as text, labels as numbers, and probabilities; the true labels."""

    table: Path
    labels: Path
    probabilities: Path
    true: IntArray


def _make(folder: Path, size: _Size, seed: tuple[int, ...], work: Work) -> _Files:
    """Make rows; the first ones are of all classes in turn, so that each occurs."""
    folder.mkdir(exist_ok=True)
    rng, count, classes = np.random.default_rng(seed), size.rows, size.classes
    true = np.concatenate([np.arange(min(count, classes)), rng.integers(0, classes, max(count - classes, 0))])
    wrong = rng.random(count) < _WRONG
    wrong[:classes] = False
    given = np.where(wrong, (true + rng.integers(1, classes, count)) % classes, true)
    files = _Files(
        table=folder / "data.parquet",
        labels=folder / "labels.npy",
        probabilities=folder / "probabilities.npy",
        true=true,
    )
    np.save(files.labels, given)
    _write_rows(files.table, given, str(seed[-1]))
    _write_vectors(files.probabilities, true, _probabilities(classes, rng), classes, work)
    return files


def _write_rows(path: Path, given: IntArray, name: str) -> None:
    """Write ids and labels, some at a time: of ten million, a list of ids would take more than any of them."""
    with pq.ParquetWriter(path, pa.schema([("sample_id", pa.string()), ("label", pa.string())])) as writer:
        for first in range(0, len(given), _TOGETHER):
            labels = _names(given[first : first + _TOGETHER])
            ids = [f"{name}/{first + row:08d}.jpg" for row in range(len(labels))]
            writer.write_table(pa.table({"sample_id": ids, "label": labels}))


def _write_vectors(path: Path, true: IntArray, draw: _Draw, width: int, work: Work) -> None:
    """Write an array of shape [rows, width], of rows of given true classes."""
    # written, not mapped: a full disk must be an error, and not the end of the process
    with path.open("wb") as file, work.progress.stage("Making rows", len(true), "rows") as stage:
        described = {"descr": draw(true[:1]).dtype.str, "fortran_order": False, "shape": (len(true), width)}
        np.lib.format.write_array_header_1_0(file, described)
        for first in range(0, len(true), _BLOCK):
            part = true[first : first + _BLOCK]
            file.write(draw(part).data)
            stage.advance(len(part))


def _probabilities(classes: int, rng: np.random.Generator) -> _Draw:
    """Draw probabilities of rows; nine of ten are classified well."""

    def draw(true: IntArray) -> RealArray:
        logits = 2 * rng.standard_normal((len(true), classes), dtype=np.float32)
        logits[np.arange(len(true)), true] += 9
        np.exp(logits, out=logits)
        return np.asarray(logits / logits.sum(axis=1, keepdims=True))

    return draw


def _embeddings(classes: int, rng: np.random.Generator) -> _Draw:
    """Draw embeddings of rows around a centre for each class, in half precision."""
    centres = 0.3 * rng.standard_normal((classes, _WIDTH), dtype=np.float32)

    def draw(true: IntArray) -> RealArray:
        return (centres[true] + rng.standard_normal((len(true), _WIDTH), dtype=np.float32)).astype(np.float16)

    return draw


def _fitting(folder: Path, size: _Size, work: Work) -> list[str]:
    """Make embeddings and verified rows; return the command that fits them."""
    rng = np.random.default_rng((work.seed, 4))
    true = rng.permutation(np.arange(size.rows) % size.classes)
    wrong = rng.random(size.rows) < _WRONG
    _write_rows(folder / "data.parquet", np.where(wrong, (true + 1) % size.classes, true), "4")
    _write_vectors(folder / "vectors.npy", true, _embeddings(size.classes, rng), _WIDTH, work)
    rows = rng.permutation(size.rows)[:_VERIFIED_ROWS]
    ids = pq.read_table(folder / "data.parquet")["sample_id"].take(pa.array(rows))
    pq.write_table(pa.table({"sample_id": ids, "trusted_label": _names(true[rows])}), folder / "trusted.parquet")
    words = ["--embedding-column", folder / "vectors.npy", "--trusted", folder / "trusted.parquet", "--epochs", _EPOCHS]
    words += ["--device", work.device, "--out", folder / "run"]
    return [*_COMMAND, "fit", str(folder / "data.parquet"), *map(str, words)]


def _prepared(folder: Path, files: _Files, size: _Size, work: Work) -> list[str]:
    """Fit an auditor on a sample of other rows; return the command that scores the rows with it."""
    few = _Size(rows=max(_SAMPLE, 2 * size.classes), classes=size.classes)
    sample = _make(folder / "sample", few, (work.seed, 2), work)
    rows = np.random.default_rng((work.seed, 3)).permutation(len(sample.true))[: round(_VERIFIED * len(sample.true))]
    ids = pq.read_table(sample.table)["sample_id"].take(pa.array(rows))
    pq.write_table(pa.table({"sample_id": ids, "trusted_label": _names(sample.true[rows])}), folder / "trusted.parquet")
    config = FitConfig(
        source=Source(str(sample.table), columns=Columns(probabilities=str(sample.probabilities))),
        trusted=str(folder / "trusted.parquet"),
        effort=Effort(epochs=_EPOCHS),
        seed=work.seed,
        device=str(work.device),
    )
    fit(config, folder / "run", progress=work.progress, interrupts=work.interrupts)
    words = ["--data", files.table, "--probabilities-column", files.probabilities, "--out", folder / "scored"]
    return [*_COMMAND, "score", str(folder / "run"), *map(str, words)]


def _names(labels: IntArray) -> npt.NDArray[np.str_]:
    # as long as each other, so that their order is that of the columns
    return np.char.add("class ", np.char.zfill(labels.astype(str), 4))


@dataclass(frozen=True, kw_only=True)
class _Usage:
    """What a process used: seconds, and its largest anonymous resident memory in megabytes; and what it printed."""

    seconds: float
    megabytes: float
    printed: str


def _watched(command: list[str]) -> _Usage:
    """Run a command to its end."""
    started, peak = time.monotonic(), 0.0
    with tempfile.TemporaryFile("w+") as out, subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT) as child:  # noqa: S603  # ours
        try:
            while child.poll() is None:
                peak = max(peak, _anonymous_megabytes(child.pid))
                time.sleep(_READ_SECONDS)
        finally:
            child.kill()
        seconds = time.monotonic() - started
        out.seek(0)
        printed = out.read()
    if child.returncode:
        raise NoisecleanerError(
            f"A measured process failed with {child.returncode}: {printed.strip()[-500:]}", "See above."
        )
    return _Usage(seconds=seconds, megabytes=peak, printed=printed)


def _anonymous_megabytes(process: int) -> float:
    """Read how much memory a process holds that is no page of a file; 0 once it has ended."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("RssAnon:")), 0.0)
