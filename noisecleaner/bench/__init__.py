"""Benchmarks: one file = one paper's experiment = one `bench PAPER`. Drop a file in, and it is there.

An experiment lists the rows of the paper's table and runs one of them with one seed (`_contract`). `bench` finds it,
repeats each row for every seed and keeps what is done (`_runner`, `_records`), and puts the paper's numbers beside ours
(`_table`). What was measured so far stands in RESULTS.md.
"""

from noisecleaner.bench._contract import Experiment, Metrics, Row, Work
from noisecleaner.bench._runner import BenchConfig, Benchmark, bench, experiment_class
from noisecleaner.bench._table import Line

__all__ = ["BenchConfig", "Benchmark", "Experiment", "Line", "Metrics", "Row", "Work", "bench", "experiment_class"]
