"""Large datasets scored: seconds and memory at up to 1.28 million rows of 1,000 class probabilities."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from noisecleaner.arrays import IntArray
from noisecleaner.bench import Experiment, Metrics, Row, Work
from noisecleaner.bench._datasets import scaled
from noisecleaner.errors import NoisecleanerError
from noisecleaner.fitting import fit
from noisecleaner.ingest import Columns, Source
from noisecleaner.runs.config import FitConfig
from noisecleaner.runs.scored_run import ScoredRun
from noisecleaner.settings import Effort

_SIZES = (100_000, 1_000_000, 1_280_000)
_CLASSES = 1_000
#: Rows that the auditor is fitted on beforehand, how often it sees them, and which share of them is verified.
_SAMPLE, _EPOCHS, _VERIFIED = 5_000, 5, 0.2
_WRONG = 0.2
_BLOCK = 10_000
_LEAST = 200
_READ_SECONDS = 0.01

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

    Each measurement is a process of its own, from its start to its end: `noisecleaner score RUN --data` with a run
    that was fitted on 5,000 other rows before; `find_label_issues` of cleanlab on arrays in memory, and its version
    that reads the file in batches. `peak_megabytes` is the largest anonymous resident memory, so that pages of the
    file that the system keeps do not count; `flagged` the share of rows that are called wrong. At scale 1 the file
    takes 5.1 GB in the output directory for as long as a run lasts.
    """

    rows = (
        *(Row("noisecleaner", {"rows": size}) for size in _SIZES),
        Row("cleanlab", {"rows": _SIZES[0]}),
        *(Row("cleanlab batched", {"rows": size}) for size in _SIZES),
    )

    def run(self, row: Row, work: Work) -> Metrics:
        """Make the data, find the wrong labels in another process, and watch it."""
        _check_installed(row.method)
        count = scaled(int(row.setting["rows"]), work.scale, least=_LEAST)
        with tempfile.TemporaryDirectory(prefix=".bench-", dir=work.checkpoint.parent) as folder:
            files = _make(Path(folder), count, (work.seed, 1), work)
            if row.method == "noisecleaner":
                usage = _watched(_prepared(Path(folder), files, work))
                flagged = ScoredRun(Path(folder) / "scored").counts.flagged
            else:
                arrays = (str(files.labels), str(files.probabilities))
                usage = _watched([sys.executable, "-c", _CLEANLAB[row.method], *arrays])
                flagged = int(usage.printed.split()[-1])
        return {
            "work_seconds": usage.seconds,
            "rows_per_second": count / usage.seconds,
            "peak_megabytes": usage.megabytes,
            "flagged": flagged / count,
        }


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


def _make(folder: Path, count: int, seed: tuple[int, ...], work: Work) -> _Files:
    """Make rows; the first ones are of all classes in turn, so that each occurs."""
    folder.mkdir(exist_ok=True)
    rng = np.random.default_rng(seed)
    true = np.concatenate([np.arange(min(count, _CLASSES)), rng.integers(0, _CLASSES, max(count - _CLASSES, 0))])
    wrong = rng.random(count) < _WRONG
    wrong[:_CLASSES] = False
    given = np.where(wrong, (true + rng.integers(1, _CLASSES, count)) % _CLASSES, true)
    files = _Files(
        table=folder / "data.parquet",
        labels=folder / "labels.npy",
        probabilities=folder / "probabilities.npy",
        true=true,
    )
    np.save(files.labels, given)
    ids = [f"{seed[-1]}/{row:08d}.jpg" for row in range(count)]
    pq.write_table(pa.table({"sample_id": ids, "label": _names(given)}), files.table)
    _write_probabilities(files.probabilities, true, rng, work)
    return files


def _write_probabilities(path: Path, true: IntArray, rng: np.random.Generator, work: Work) -> None:
    """Write an array of shape [rows, classes]; nine of ten rows are classified well."""
    # written, not mapped: a full disk must be an error, and not the end of the process
    with path.open("wb") as file, work.progress.stage("Making rows", len(true), "rows") as stage:
        described = {"descr": "<f4", "fortran_order": False, "shape": (len(true), _CLASSES)}
        np.lib.format.write_array_header_1_0(file, described)
        for first in range(0, len(true), _BLOCK):
            part = true[first : first + _BLOCK]
            logits = 2 * rng.standard_normal((len(part), _CLASSES), dtype=np.float32)
            logits[np.arange(len(part)), part] += 9
            np.exp(logits, out=logits)
            logits /= logits.sum(axis=1, keepdims=True)
            file.write(logits.data)
            stage.advance(len(part))


def _prepared(folder: Path, files: _Files, work: Work) -> list[str]:
    """Fit an auditor on a sample of other rows; return the command that scores the rows with it."""
    sample = _make(folder / "sample", max(_SAMPLE, 2 * _CLASSES), (work.seed, 2), work)
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
    return [sys.executable, "-m", "noisecleaner", "score", str(folder / "run"), *map(str, words)]


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
