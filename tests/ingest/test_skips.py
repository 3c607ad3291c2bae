"""Rows that cannot be used are counted by reason, with an example and its cause."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.sources import make, read, table, vectors

from noisecleaner.ingest import Manifest, Skip
from noisecleaner.ingest.skips import causes, skip_notice
from noisecleaner.notices import Severity


def rows(tmp_path: Path, reasons: dict[int, Skip], *, there: tuple[str, ...] = ()) -> Manifest:
    """Ten rows, image 0.png to 9.png, of which some are skipped."""
    make(tmp_path, *there)
    names = [f"images/{row}.png" for row in range(10)]
    data = table(tmp_path / "d.parquet", sample_id=names, image=names, label=["a", "b"] * 5)
    return read(data).skipping(reasons)


def test_where_all_rows_can_be_used_nothing_is_said(tmp_path: Path) -> None:
    assert skip_notice(rows(tmp_path, {})) is None
    assert causes(rows(tmp_path, {})) == ""


def test_rows_are_counted_by_reason(tmp_path: Path) -> None:
    notice = skip_notice(rows(tmp_path, {0: Skip.TRUNCATED, 3: Skip.TOO_LARGE, 4: Skip.TRUNCATED}))
    assert notice is not None
    assert (notice.code, notice.severity) == ("rows-skipped", Severity.WARNING)
    assert notice.message == (
        "7 of 10 rows can be used, 3 are skipped: 2 truncated (such as images/0.png), 1 too_large (images/3.png)."
    )


def test_rows_without_label_or_vector_are_told_by_their_id(tmp_path: Path) -> None:
    notice = skip_notice(rows(tmp_path, {4: Skip.NO_LABEL, 5: Skip.NO_LABEL, 6: Skip.NO_VECTOR}))
    assert notice is not None
    assert "2 no_label (such as images/4.png), 1 no_vector (images/6.png)" in notice.message


def test_the_first_missing_file_is_told_by_its_whole_path_and_why(tmp_path: Path) -> None:
    missing = {3: Skip.MISSING_FILE, 5: Skip.MISSING_FILE}
    notice = skip_notice(rows(tmp_path, missing, there=("elsewhere/3.png",)))
    assert notice is not None
    assert notice.message.endswith(
        f"The first file that is missing is {tmp_path}/images/3.png. A file of that name is elsewhere/3.png, from "
        "there: correct the paths."
    )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"<html>404</html>", "images/3.png holds a web page."),
        (b"\0\0\0\x18ftypheic", "images/3.png holds HEIF (photographs of this kind are read where pillow-heif is"),
        (b"<svg/>", "images/3.png holds SVG."),
        (b"\x07\x91\xfe", ""),
    ],
)
def test_what_is_no_image_is_called_what_it_is(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "3.png").write_bytes(content)
    said = causes(rows(tmp_path, {3: Skip.UNSUPPORTED_FORMAT}))
    assert words in said
    assert bool(said) == bool(words)


def test_pointers_and_empty_files_are_named(tmp_path: Path) -> None:
    said = causes(rows(tmp_path, {3: Skip.LFS_POINTER, 4: Skip.EMPTY_FILE}))
    assert said == " Files that are pointers of Git LFS come with `git lfs pull`. images/4.png holds no bytes."


def test_rows_that_were_joined_are_not_counted(tmp_path: Path) -> None:
    both = rows(tmp_path, {0: Skip.IN_DATASET, 1: Skip.TRUNCATED})
    notice = skip_notice(both, "trusted-rows-skipped", "trusted rows")
    assert notice is not None
    assert notice.message == "8 of 9 trusted rows can be used, 1 is skipped: 1 truncated (images/1.png)."
    assert skip_notice(rows(tmp_path, {0: Skip.IN_DATASET})) is None


def test_labels_that_the_run_does_not_know_are_named(tmp_path: Path) -> None:
    data = vectors(tmp_path / "d.parquet", ["a", "b", "zebra"])
    said = causes(read(data, classes=("a", "b"), embedding="embedding"))
    assert said == " Labels that are no class: zebra."


def test_a_path_that_would_break_a_terminal_is_shown_safely(tmp_path: Path) -> None:
    data = table(tmp_path / "d.parquet", image=["\x1b[31m" + "x" * 900, "b.png"], label=["a", "b"])
    said = causes(read(data).skipping({0: Skip.MISSING_FILE}))
    assert "\x1b" not in said
    assert len(said) < 400


def test_every_kind_of_file_that_is_no_image_is_named_once(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    for row, content in enumerate((b"<html>", b"<html>", b"<svg/>")):
        (tmp_path / "images" / f"{row}.png").write_bytes(content)
    said = causes(rows(tmp_path, dict.fromkeys(range(4), Skip.UNSUPPORTED_FORMAT)))
    assert said == " images/0.png holds a web page, images/2.png holds SVG."
