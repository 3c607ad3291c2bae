"""What is to be done with a table next is Python that runs, whatever the names in it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from noisecleaner.ingest import Columns, Source
from noisecleaner.planning import to_fit, to_review, to_score, to_score_new
from noisecleaner.planning.form import Form

NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


def value(code: str, function: str) -> dict[str, object]:
    """Read a call back: the arguments of a call, with its sources made."""
    call = ast.parse(code.strip("`"), mode="eval").body
    assert isinstance(call, ast.Call)
    known = {
        "Source": Source,
        "Columns": Columns,
        "FitConfig": dict,
        function: lambda *args, **named: {**named, "": args},
    }
    return dict(eval(code.strip("`"), {"__builtins__": {}}, known))  # noqa: S307  # of ours


@given(NAMES, NAMES, NAMES)
def test_a_source_comes_back(label: str, image: str, none: str) -> None:
    source = Source("/d", columns=Columns(label=f"l{label}", image=f"i{image}"), none_label=none, allow_absolute=True)
    code = to_fit(source, "t.csv")
    assert "`" not in code[1:-1]
    assert "\n" not in code
    (config,) = value(code, "fit")[""]  # type: ignore[misc]
    assert config == {"source": source, "trusted": "t.csv"}
    new = value(to_score_new(source, "t.csv", run=Path("r"), scores=Path("s")), "score_new")
    assert (new["source"], new["out"], new["trusted"], new[""]) == (source, "s", "t.csv", ("r",))


def test_what_is_usual_is_not_said() -> None:
    assert to_fit(Source("/d"), "t.csv") == "`fit(FitConfig(source=Source('/d'), trusted='t.csv'), out='runs/first')`"
    assert to_score(Path("r"), "t.csv") == "`score('r', trusted='t.csv')`"


@pytest.mark.parametrize("ending", [".parquet", ".csv", ".tsv"])
def test_only_a_table_of_text_needs_its_dataset(ending: str) -> None:
    """And of that what a page reads: neither vectors nor verified labels."""
    columns = Columns(image="i", embedding="e", trusted="t", irrelevant="c", label_names=("a", "b"))
    form = Form(path=Path(f"p{ending}"), drawn_from=Source("/d", columns=columns))
    code = to_review(form, names="n.txt")
    beside = "" if ending == ".parquet" else "data=Source('/d', columns=Columns(image='i', label_names='n.txt')), "
    assert code == f"`review('p{ending}', {beside}out='p.html')`"
