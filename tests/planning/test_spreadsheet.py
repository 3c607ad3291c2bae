"""Plans for a spreadsheet: what is joined comes back as it was, or is not written."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from noisecleaner.errors import NoisecleanerError
from noisecleaner.planning import read_form
from noisecleaner.planning.spreadsheet import ENDINGS, refuse_formulas, respelled, write_text

#: What a name may hold: quotes, separators, signs of other scripts; no line break, no NUL, and no half of a character.
TEXTS = st.text(st.characters(exclude_characters="\0\r\n", exclude_categories=["Cs"]), min_size=1)


def table(*ids: str, path: str | None = None) -> pa.Table:
    columns = {"sample_id": list(ids), "path": [path] * len(ids), "trusted_label": pa.nulls(len(ids), pa.string())}
    return pa.table({**columns, "sample_probability": np.full(len(ids), 300 / 50_001)})


@pytest.mark.parametrize("ending", ENDINGS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(ids=st.lists(TEXTS, min_size=1, unique=True))
def test_ids_come_back_as_they_were(tmp_path: Path, ending: str, ids: list[str]) -> None:
    out = tmp_path / f"verify{ending}"
    write_text(out, table(*ids))
    form = read_form(out)
    assert form.ids.to_pylist() == ids
    assert form.labels.null_count == len(ids)
    assert form.probability is not None
    np.testing.assert_array_equal(form.probability, 300 / 50_001)


def test_excel_is_told_that_it_is_utf_8(tmp_path: Path) -> None:
    write_text(tmp_path / "verify.csv", table("ä,b"))
    content = (tmp_path / "verify.csv").read_bytes()
    assert content.startswith(b"\xef\xbb\xbf")
    assert content.decode("utf-8-sig").splitlines()[1].startswith('"ä,b","","",0.00599')


@pytest.mark.parametrize(
    "text", ["=1+1", "+a", "-x.png", "@sum", "\tx", "\rx", "-1-1", "-1\n", '=HYPERLINK("http://x")']
)
def test_a_formula_is_refused(text: str) -> None:
    for rows, classes in ((table("a", text), ("cat",)), (table("a"), ("cat", text))):
        with pytest.raises(NoisecleanerError, match=r"for a formula .+ verify\.csv would hold the (id|class)"):
            refuse_formulas(Path("verify.csv"), rows, classes)


def test_a_line_break_is_refused() -> None:
    for rows, classes in ((table("a\nb"), ("cat",)), (table("a", path="a\rb"), ("cat",)), (table("a"), ("cat\n",))):
        with pytest.raises(NoisecleanerError, match="A row of a table of text is a line"):
            refuse_formulas(Path("verify.csv"), rows, classes)


@pytest.mark.parametrize("text", ["-1", "+2.5", "a=1", "x-y", "3+4"])
def test_a_number_with_a_sign_is_none(text: str) -> None:
    refuse_formulas(Path("verify.csv"), table(text), (text,))


def test_a_path_is_written_as_one_that_is_no_formula(tmp_path: Path) -> None:
    write_text(tmp_path / "verify.csv", table("a", path="=1.png"))
    assert next(csv.DictReader((tmp_path / "verify.csv").open(encoding="utf-8-sig")))["path"] == "./=1.png"


@pytest.mark.parametrize(
    "text", ["007", "1e5", "12E3", "1.10", "1-2", "2020-01-02", "3/4", "1" * 16, "True", " a", "+3"]
)
def test_what_a_spreadsheet_writes_otherwise_is_told(text: str) -> None:
    (notice,) = respelled(table("a", text)["sample_id"], Path("verify.csv"))
    assert notice.message.startswith("1 id of verify.csv looks like a number or a date")
    assert f"(such as {text})" in notice.message


def test_other_ids_are_not_doubted() -> None:
    assert respelled(table("0", "10", "120", "-7", "cat/007.png", "a1e5", "Trues")["sample_id"], Path("x")) == ()
