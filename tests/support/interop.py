"""A dataset that no format should choke on, and other tools' own readers, each in whatever Python has it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from support.datasets import Command
from support.exports import Row, ScoredData, by_hand, picture

#: Markup, quotes, control characters and blanks, other scripts, a direction mark.
CLASSES = ["cat & <dog>", 'say "no"', "a\x01b\tc", "日本 🐈 \u202e"]
SPLITS = ("train", "validation", "test")


def odd(folder: Path) -> ScoredData:
    """Twelve rows in three splits, all kept, one of them flagged; and a fourth split whose only row is left out."""
    rows = [
        Row(
            f"id {row}",
            CLASSES[row % 4],
            suggested=CLASSES[(row + 1) % 4],
            quality=0.125 if row == 5 else 0.875,
            confidence=0.75,
            flagged=row == 5,
            path="d0/img.jpeg" if row == 0 else f"d{row % 2}/img.{row % 3}.png",
        )
        for row in range(12)
    ]
    rows.append(Row("gone", CLASSES[0], None, None, None, None, skip="unreadable", path="gone.png"))
    columns = {
        "split": [*SPLITS * 4, "extra"],
        "number": pa.array([None, *range(12)], pa.int64()),
        "ratio": [float("nan"), *[1.5] * 12],
        "blob": [b"\xff"] * 13,
        "confidence": ['c,"\n<&>'] * 13,
        "a.b": [[1, 2]] * 13,
        "tags": [True] * 13,
        "note": pa.array([None] * 8 + ["late"] * 5, pa.string()),
    }
    return by_hand(folder, rows, CLASSES, **columns)


def exported(folder: Path, command: Command, format: str) -> Path:
    """The odd dataset in a format, its flagged row kept."""
    scored = odd(folder)
    out = folder / "out"
    outcome = command("export-clean", scored.run, "--out", out, "--on-flag", "keep", "--format", format)
    assert outcome.code == 0, outcome
    assert "Wrote 12 of 13 rows" in outcome.out
    return out


#: Sample id -> the content of its image.
CONTENTS = {f"id {row}": picture(row) for row in range(12)}
#: Sample id -> its label.
LABELS = {f"id {row}": CLASSES[row % 4] for row in range(12)}


def read_by(library: str, script: str, *words: object) -> Any:
    """Run a script where a library is, and return the JSON that it prints last.

    The libraries want versions of their own: NOISECLEANER_INTEROP_NAME names a Python that has one.
    """
    python = os.environ.get(f"NOISECLEANER_INTEROP_{library.upper()}", sys.executable)
    found = subprocess.run([python, "-c", f"import {library}"], capture_output=True, check=False)
    if found.returncode:
        pytest.skip(f"{python} has no {library}: name one that does with NOISECLEANER_INTEROP_{library.upper()}")
    told = subprocess.run(
        [python, "-c", script, *map(str, words)],
        capture_output=True,
        check=False,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONIOENCODING": "utf-8", "PYTHONPATH": "", "FIFTYONE_DO_NOT_TRACK": "true"},
    )
    assert told.returncode == 0, told.stderr
    return json.loads(told.stdout.splitlines()[-1])
