"""What somebody meant who names a directory in which nothing is: scores of new rows that lie beside it."""

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


def _of_new_rows(path: Path) -> bool:
    """Whether a directory holds scores and no run, damaged or not."""
    return (path / "scores.parquet").exists() and not (path / "trace.parquet").exists()
