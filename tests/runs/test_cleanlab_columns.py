"""cleanlab's names for what looks wrong, checked against cleanlab itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from support.reports import scored_rows

from noisecleaner.ingest import Source
from noisecleaner.runs.cleanlab_columns import with_cleanlab_columns
from noisecleaner.runs.cutoff import Cutoff
from noisecleaner.runs.scored_run import ScoredRun
from noisecleaner.runs.writing import write
from noisecleaner.tables import SCORES


def labelled() -> tuple[pd.DataFrame, pd.DataFrame]:
    """What cleanlab says of rows, and what these scores say of the same rows."""
    datalab = pytest.importorskip("cleanlab").Datalab
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 120)
    names = np.array(["cat", "dog", "emu"])
    given = np.where(rng.random(120) < 0.2, (truth + 1) % 3, truth)
    sure = np.full((120, 3), 0.05) + 0.85 * np.eye(3)[truth]
    lab = datalab(data={"label": list(names[given])}, label_name="label", verbosity=0)
    lab.find_issues(pred_probs=sure, issue_types={"label": {}})
    quality = sure[np.arange(120), given].astype(np.float32)
    table = {
        "given_label": pa.array(names[given]),
        "suggested_label": pa.array(names[truth], mask=given == truth),
        "suggested_confidence": pa.array(np.float32(sure.max(1)), mask=given == truth),
        "label_quality": pa.array(quality),
        "flagged": pa.array(quality < 0.5),
    }
    full = pa.table({f.name: table.get(f.name, pa.nulls(120, f.type)) for f in SCORES}, schema=SCORES)
    return lab.get_issues("label"), with_cleanlab_columns(full, "label_quality").to_pandas()


def test_names_types_and_direction_are_those_of_cleanlab() -> None:
    theirs, ours = labelled()
    ours = ours[list(theirs.columns)]
    assert list(theirs.columns) == ["is_label_issue", "label_score", "given_label", "predicted_label"]
    assert ours["is_label_issue"].dtype == theirs["is_label_issue"].dtype == np.dtype(bool)
    assert ours["label_score"].dtype == theirs["label_score"].dtype == np.dtype(np.float64)
    assert list(ours["is_label_issue"]) == list(theirs["is_label_issue"])
    assert list(ours["given_label"]) == list(theirs["given_label"])
    assert list(ours["predicted_label"]) == list(theirs["predicted_label"])
    lower = [frame.groupby("is_label_issue")["label_score"].mean() for frame in (theirs, ours)]
    assert all(mean[True] < mean[False] for mean in lower)


def test_readers_of_scores_do_not_mind_them(tmp_path: Path) -> None:
    scored = scored_rows(300, 120, ("cat", "dog"))
    for folder, cutoff in (("with", Cutoff(cleanlab_columns=True)), ("without", Cutoff())):
        write(tmp_path / folder, scored, cutoff, run=tmp_path, source=Source("d.parquet"))
    both = [ScoredRun(tmp_path / folder) for folder in ("with", "without")]
    assert both[0].summary() == both[1].summary()
    assert both[0].scores().equals(both[1].scores())
    frame = pd.read_parquet(both[0].scores_file)
    assert list(frame.columns) == [*SCORES.names, "is_label_issue", "label_score", "predicted_label"]
    skipped = frame["skip_reason"].notna()
    assert frame.loc[skipped, "label_score"].isna().all()
    assert not frame.loc[skipped, "is_label_issue"].any()
    assert frame.loc[~skipped, "label_score"].between(0, 1).all()


def test_after_a_transfer_alpha_is_the_score(tmp_path: Path) -> None:
    scored = scored_rows(300, 120, ("cat", "dog"), model="transfer")
    rows = len(scored.alpha)
    moved = replace(
        scored,
        alpha=np.linspace(-0.1, 1.1, rows).astype(np.float32),
        label_quality=np.full(rows, np.nan, np.float32),
    )
    write(tmp_path, moved, Cutoff(by="alpha", cleanlab_columns=True), run=tmp_path, source=Source("d.parquet"))
    score = pd.read_parquet(tmp_path / "scores.parquet")["label_score"]
    assert (score.min(), score.max()) == (0, 1)
