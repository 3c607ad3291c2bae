"""Ids that went through a spreadsheet find their rows again."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest.verified.cells import find_ids
from noisecleaner.texts import cell

IDS = st.text(st.sampled_from("=+-@1ab"), min_size=1)


@given(st.lists(IDS, unique=True, min_size=1), st.booleans())
def test_an_id_is_found_as_it_is_and_as_a_cell(known: list[str], cells: bool) -> None:
    asked = [cell(name) if cells else name for name in known]
    assert find_ids(pa.array([*asked, None, "'x"]), pa.array(known), "t.csv").tolist() == [*range(len(known)), -1, -1]


def test_an_id_that_may_be_two_is_refused() -> None:
    with pytest.raises(NoisecleanerError, match="is one of the dataset as it stands, and one without"):
        find_ids(pa.array(["'=a"]), pa.array(["=a", "'=a"]), "t.csv")
    assert find_ids(pa.array(["''=a", "=a"]), pa.array(["=a", "'=a"]), "t.csv").tolist() == [1, 0]
