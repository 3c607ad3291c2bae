"""Which labels count as verified is always told, and what is odd about them stands beside the noise."""

from __future__ import annotations

from pathlib import Path

from support.sources import read, table, vectors

from noisecleaner.ingest import Columns, Manifest, Source, read_target
from noisecleaner.notices import Severity

GIVEN, TRUE = ["a", "b", "a", "b"] * 30, ["a", "b", "a", "a"] * 30


def told(manifest: Manifest) -> dict[str, str]:
    return {notice.code: notice.message for notice in manifest.notices if notice.code != "classes"}


def test_a_datasets_own_column_is_told(tmp_path: Path) -> None:
    data = vectors(tmp_path / "d.parquet", GIVEN, trusted_label=[*TRUE[:40], *[None] * 80])
    assert told(read(data, embedding="embedding")) == {
        "verified-labels": f"Verified labels: column 'trusted_label' of {data}, 40 of 120 rows filled; 10 differ from "
        "the given label."
    }


def test_without_verified_labels_nothing_is_told(tmp_path: Path) -> None:
    assert told(read(vectors(tmp_path / "d.parquet", GIVEN), embedding="embedding")) == {}
    empty = vectors(tmp_path / "e.parquet", GIVEN, trusted_label=[""] * 120)
    assert told(read(empty, embedding="embedding")) == {}


def test_a_prefilled_column_measures_nothing(tmp_path: Path) -> None:
    data = vectors(tmp_path / "d.parquet", GIVEN, trusted_label=[*TRUE[:40], *GIVEN[40:]])
    manifest = read(data, embedding="embedding")
    (notice,) = [notice for notice in manifest.notices if notice.severity is Severity.VOID]
    assert notice.message.startswith("Every one of 120 rows is verified (column 'trusted_label' of")
    vouched = vectors(
        tmp_path / "v.parquet", GIVEN, trusted_label=[*TRUE[:40], *GIVEN[40:]], sample_probability=[1.0] * 120
    )
    assert told(read(vouched, embedding="embedding")).keys() == {"verified-labels"}


def test_what_is_odd_is_said_of_all_verified_labels_together(tmp_path: Path) -> None:
    data = vectors(tmp_path / "d.parquet", GIVEN, trusted_label=[*GIVEN[:60], *[None] * 60])
    assert "no-error-verified" in told(read(data, embedding="embedding"))
    ids = [f"r{row}" for row in range(60, 90)]
    more = table(tmp_path / "t.parquet", sample_id=ids, trusted_label=TRUE[60:90])
    manifest = read(data, trusted=more, embedding="embedding")
    assert "no-error-verified" not in told(manifest)
    assert [notice.code for notice in manifest.notices].count("verified-labels") == 2


def test_the_labels_of_a_target_are_told(tmp_path: Path) -> None:
    data = vectors(tmp_path / "d.parquet", ["x", "y", None], embedding=[[1.0, 2.0]] * 3)
    like = Source(str(tmp_path / "other.parquet"), columns=Columns(embedding="embedding"))
    (notice,) = read_target(str(data), like).notices
    assert notice.message == f"Verified labels of the target: {data}, column 'label', 2 of 3 rows filled."
