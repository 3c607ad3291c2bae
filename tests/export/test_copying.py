"""What a copy holds: rows in order, in parts of any size, with all that belongs to them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.sources import make, red, table

from noisecleaner.errors import NoisecleanerError
from noisecleaner.export.copying import Copy
from noisecleaner.ingest import Columns, Source, read_manifest

ROWS = 7


def owned(folder: Path, **columns: object) -> Source:
    """A table with columns of its owner's beside those that are known."""
    known = {"sample_id": [f"r{row}" for row in range(ROWS)], "label": list("abababa"), "image": [red()] * ROWS}
    return Source(
        str(table(folder / "d.parquet", **{**known, "note": list("tuvwxyz"), "number": range(ROWS), **columns}))
    )


def copy_of(source: Source, keep: list[bool], *, labels: list[int] | None = None, complete: bool = True) -> Copy:
    manifest = read_manifest(source)
    notes = pa.table({"nc_number": [10 * row for row in range(len(manifest))]})
    given_labels = manifest.given if labels is None else np.array(labels)
    return Copy(
        manifest=manifest,
        source=source,
        labels=given_labels,
        keep=np.array(keep),
        notes=notes,
        complete=complete,
    )


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(keep=st.lists(st.booleans(), min_size=ROWS, max_size=ROWS), size=st.integers(1, ROWS + 1))
def test_parts_of_any_size_hold_the_rows_to_copy_in_order(tmp_path: Path, keep: list[bool], size: int) -> None:
    copy = copy_of(owned(tmp_path), keep)
    parts = list(copy.parts(size))
    rows = np.concatenate([part.rows for part in parts])
    assert rows.tolist() == copy.rows.tolist() == [row for row in range(ROWS) if keep[row]]
    assert all(len(part.owned) == len(part.labels) == len(part.notes) == len(part.rows) <= size for part in parts)
    whole = pa.concat_tables([part.owned for part in parts])
    assert whole.column_names == ["sample_id", "note", "number"]
    assert whole["sample_id"].to_pylist() == [f"r{row}" for row in rows]
    assert whole["note"].to_pylist() == ["tuvwxyz"[row] for row in rows]
    assert whole["number"].to_pylist() == rows.tolist()
    labels = [label for part in parts for label in part.labels.to_pylist()]
    assert [copy.classes[label] for label in labels] == ["abababa"[row] for row in rows]
    assert [number for part in parts for number in part.notes["nc_number"].to_pylist()] == (10 * rows).tolist()


def test_a_part_of_which_no_row_is_copied_has_all_columns(tmp_path: Path) -> None:
    (part,) = copy_of(owned(tmp_path), [False] * ROWS).parts(100)
    assert part.owned.column_names == ["sample_id", "note", "number"]
    assert part.notes.column_names == ["nc_number"]
    assert len(part.rows) == len(part.labels) == 0


def test_a_row_without_a_label_has_a_null(tmp_path: Path) -> None:
    (part,) = copy_of(owned(tmp_path), [True] * ROWS, labels=[0, 1, -1, 0, 1, -1, 0]).parts(100)
    assert part.labels.to_pylist() == [0, 1, None, 0, 1, None, 0]


def test_a_column_that_is_added_replaces_the_one_of_the_owner(tmp_path: Path) -> None:
    (part,) = copy_of(owned(tmp_path, nc_number=["old"] * ROWS), [True] * ROWS).parts(100)
    assert part.owned.column_names == ["sample_id", "note", "number"]


def test_an_image_folder_has_no_columns_of_its_owner(tmp_path: Path) -> None:
    made = make(tmp_path, "a/1.png", "b/2.png", "b/3.png")
    copy = copy_of(Source(str(tmp_path)), [True, False, True])
    assert [part.owned.to_pydict() for part in copy.parts(2)] == [
        {"sample_id": ["a/1.png"]},
        {"sample_id": ["b/3.png"]},
    ]
    assert list(copy.images()) == [(0, made["a/1.png"]), (2, made["b/3.png"])]


def test_vectors_are_columns_of_the_owner(tmp_path: Path) -> None:
    source = Source(owned(tmp_path, v=[[1.0, float(row)] for row in range(ROWS)]).data, columns=Columns(embedding="v"))
    copy = copy_of(source, [True] * ROWS)
    assert not copy.brings_images
    assert list(copy.images()) == []
    (part,) = copy.parts(100)
    assert part.owned.column_names == ["sample_id", "image", "note", "number", "v"]


def test_an_image_that_is_gone_is_an_error_or_left_out(tmp_path: Path) -> None:
    made = make(tmp_path, "a/1.png", "b/2.png", "b/3.png")
    whole, partly = (copy_of(Source(str(tmp_path)), [True] * 3, complete=complete) for complete in (True, False))
    (tmp_path / "b" / "2.png").unlink()
    assert list(partly.images()) == [(0, made["a/1.png"]), (1, None), (2, made["b/3.png"])]
    with pytest.raises(NoisecleanerError, match=r"b/2\.png is not \(missing_file\)"):
        list(whole.images())
