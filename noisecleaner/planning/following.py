"""What is to be done with a table next, as Python; whoever tells a person of it words it for them."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

from noisecleaner.ingest import Columns, Source
from noisecleaner.planning.form import Form

#: Stands for a file of class names, whose path nobody keeps.
NAMES = "FILE"


def to_fit(source: Source, table: str, *, names: str | None = None) -> str:
    """Write the first fit with a table of verified labels.

    Args:
        source: the dataset.
        table: the verified labels.
        names: the file of its class names, where it is known.
    """
    config = f"FitConfig(source={_source(source, names)}, trusted={_text(table)})"
    return f"`fit({config}, out='runs/first')`"


def to_score(run: Path, table: str) -> str:
    """Write a score of fitted rows with a table of verified labels."""
    return f"`score({_text(str(run))}, trusted={_text(table)})`"


def to_score_new(source: Source, table: str, *, run: Path, scores: Path) -> str:
    """Write a score of new rows: those are named again, but for their class names, which the run tells.

    Args:
        source: the new rows.
        table: the verified labels.
        run: of the fit.
        scores: the directory of their scores.
    """
    rows = f"source={_source(replace(source, columns=replace(source.columns, label_names=())))}"
    return f"`score_new({_text(str(run))}, {rows}, out={_text(str(scores))}, trusted={_text(table)})`"


def to_review(form: Form, *, names: str | None = None) -> str:
    """Write a page of a table: one of text does not know where its rows come from, nor what is a class.

    Args:
        form: the table.
        names: the file of class names, where it is known.
    """
    path, page = _text(str(form.path)), _text(str(form.path.with_suffix(".html")))
    if form.path.suffix == ".parquet":
        return f"`review({path}, out={page})`"
    usual, source = Columns(), form.drawn_from
    unread = ("trusted", "trusted_id", "embedding", "probabilities", "irrelevant")
    columns = replace(source.columns, **{name: getattr(usual, name) for name in unread})
    return f"`review({path}, data={_source(replace(source, columns=columns), names)}, out={page})`"


def _source(source: Source, names: str | None = None) -> str:
    """Write how a source is read: what is usual, or what the dataset itself tells, is left out."""
    columns = _unusual(source.columns, Columns(label_names=source.carried))
    if "label_names" in columns:
        columns["label_names"] = NAMES if names is None else _text(names)
    options = _unusual(source, Source(source.data))
    told = [f"{name}={value}" for name, value in options.items() if name != "columns"]
    if columns:
        told.insert(0, f"columns=Columns({', '.join(f'{name}={value}' for name, value in columns.items())})")
    return f"Source({', '.join([_text(source.data), *told])})"


def _unusual(one: Columns | Source, usual: Columns | Source) -> dict[str, str]:
    """The fields that say something unusual, as they are written."""
    plain = asdict(usual)
    return {name: _text(value) for name, value in asdict(one).items() if value != plain[name]}


def _text(value: object) -> str:
    """Write a value so that it can stand between backticks."""
    return repr(value).replace("`", r"\x60")
