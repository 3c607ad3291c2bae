"""What several commands share: their options, and how the words behind them are read."""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from noisecleaner.errors import NoisecleanerError

if TYPE_CHECKING:
    from noisecleaner.ingest import Columns


def opt(help: str, panel: str | None = None, *names: str, **rest: Any) -> Any:
    return typer.Option(*names, help=help, rich_help_panel=panel, **rest)


def either(names: Sequence[str]) -> str:
    """Join choices for a help text: `a, b or c`."""
    return " or ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


ROWS, MODEL, TRAINING, RULES = "Rows and columns", "What looks at the images", "Training", "Rules"

Data = Annotated[
    str,
    typer.Argument(help="Image folder, .parquet, .csv or .jsonl table, folder of Parquet files, glob, or URI."),
]
Out = Annotated[Path, opt("Directory to make.")]
Trusted = Annotated[str | None, opt("Table or folder with verified labels, joined on the sample id.")]
TrustedOrNone = Annotated[
    str | None,
    opt("Table or folder with verified labels, joined on the sample id; none: rows of low loss steer instead."),
]
ImageColumn = Annotated[str, opt("Column with paths, bytes or struct<bytes, path>.", ROWS)]
LabelColumn = Annotated[str, opt("Column with the given label.", ROWS)]
IdColumn = Annotated[str, opt("Column with the id that joins the tables.", ROWS)]
TrustedColumn = Annotated[str, opt("Column with the verified label.", ROWS)]
EmbeddingColumn = Annotated[str | None, opt("Column (or .npy file, in row order) with embeddings, not images.", ROWS)]
ProbabilitiesColumn = Annotated[
    str | None, opt("Column (or .npy file) with your model's class probabilities, likewise.", ROWS)
]
RowIds = Annotated[bool, typer.Option("--row-ids", help="Make ids from file name and row.", rich_help_panel=ROWS)]
AllowAbsolute = Annotated[
    bool,
    typer.Option("--allow-absolute", help="Follow absolute paths and links out of the folder.", rich_help_panel=ROWS),
]
Strict = Annotated[
    bool, typer.Option("--strict", help="Make a row that cannot be used an error.", rich_help_panel=ROWS)
]
MaxPixels = Annotated[int | None, opt("Refuse larger images (width times height; 64 million by default).", ROWS, min=1)]
Threads = Annotated[int | None, opt("Images decoded at once; one for each core by default.", ROWS, min=1)]
Device = Annotated[str, opt("auto, cpu, cuda, cuda:N or mps.", TRAINING)]
Seed = Annotated[int, opt("Seed of every random number.", TRAINING, min=0, max=2**32 - 1)]


def pair(text: str, option: str) -> tuple[str, Any]:
    """Split NAME=VALUE, and read the value as a number, true, false or none where it is one."""
    name, value = split(text, option)
    words: dict[str, Any] = {"true": True, "false": False, "none": None}
    if value.lower() in words:
        return name, words[value.lower()]
    for kind in (int, float):
        try:
            return name, kind(value)
        except ValueError:
            continue
    return name, value


def split(text: str, option: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise NoisecleanerError(f"{option} takes NAME=VALUE, but it is {text!r}.", f"Write {option} name=value.")
    return name, value


def only_given(**values: Any) -> dict[str, Any]:
    """Leave out the options that were not given, so that the library's defaults hold."""
    return {name: value for name, value in values.items() if value is not None}


def refuse(given: Mapping[str, object], needs: str) -> None:
    """Refuse options that would do nothing here."""
    useless = [name for name, value in given.items() if value]
    if useless:
        raise NoisecleanerError(
            f"{' and '.join(useless)} would do nothing: only for {needs}.", f"Add {needs}, or leave that out."
        )


def refuse_new_only(
    out: Path | None,
    strict: bool,
    max_pixels: int | None,
    allow_absolute: bool,
    device: str,
    columns: Columns,
) -> None:
    """Refuse the options about new rows where there are none."""
    from noisecleaner.api import Columns

    new_only: dict[str, object] = {"--out": out, "--strict": strict}
    new_only |= {"--max-pixels": max_pixels, "--allow-absolute": allow_absolute, "--device": device != "auto"}
    refuse(new_only | {"column options": columns != Columns()}, "--data")


def name_of(data: str) -> str:
    """Name the scores of a dataset after it, and after its whole path: two files may share a name."""
    return f"{re.sub(r'[^A-Za-z0-9]+', '-', Path(data).stem).strip('-')}-{zlib.crc32(data.encode()):08x}"
