"""What a path is that is no scored run, and what somebody meant who named it: a file, or scores that lie beside it."""

from __future__ import annotations

from pathlib import Path

from noisecleaner.errors import listed


def meant(path: Path, otherwise: str) -> str:
    """Say which directories hold scores of new rows, where one of those was meant.

    Args:
        path: what was named; no run, or a damaged one, or not scored.
        otherwise: the hint where it lies beside none.
    """
    if _of_new_rows(path):
        return f"{path} holds scores of new rows: name the run that made them."
    if not path.parent.is_dir():
        return otherwise
    beside = sorted(str(folder) for folder in path.parent.iterdir() if _of_new_rows(folder))
    near = [name for name in beside if path.parent.name == "new" or Path(name).name.startswith(path.name)]
    return f"There are scores of new rows in: {listed(near)}." if near else otherwise


def found(path: Path) -> str:
    """Say what a path is that holds no scores: `… does not exist`."""
    if not path.exists():
        return f"{path} does not exist"
    if not path.is_dir():
        return f"{path} is a file"
    return f"{path} has not been scored yet" if _is_run(path) else f"{path} is a folder that holds no run"


def before_scores(path: Path) -> str:
    """Say what to type where a path holds no scores."""
    if path.exists() and not path.is_dir():
        return "Name the directory of a run. A table that was filled in goes into one: `score(RUN, trusted=FILE)`."
    score = f"`score({str(path)!r})`"
    fit = f"`fit(FitConfig(source=Source(DATA), trusted=TRUSTED), out={str(path)!r})`"
    return meant(path, f"Score it: {score}." if _is_run(path) else f"Make a run, {fit}, and score it: {score}.")


def _is_run(path: Path) -> bool:
    return (path / "run.json").exists() or (path / "trace.parquet").exists()


def _of_new_rows(path: Path) -> bool:
    """Whether a directory holds scores and no run, damaged or not."""
    return (path / "scores.parquet").exists() and not (path / "trace.parquet").exists()
