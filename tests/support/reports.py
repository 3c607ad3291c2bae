"""Scored runs whose rows have images and hostile names, and how the page of a report is read."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from noisecleaner.ingest import Source
from noisecleaner.notices import Notice
from noisecleaner.runs.cutoff import Cutoff
from noisecleaner.runs.scored import ScoredRows
from noisecleaner.runs.writing import write
from support.simulated import scores

CLASSES = ("cat", "dog", "emu")
#: What a user may call a class: markup, quotes, a change of direction, and far too much.
HOSTILE = (
    "</script><script>alert(1)</script>",
    "\" onload='alert(1)' x=\"",
    "\u202eemag\u202c \u05d0\u05d1",
    "{{ 7 * 7 }}",
    "long " * 1000,
)


def photograph(row: int, size: tuple[int, int] = (320, 240)) -> bytes:
    """A JPEG with the spectrum of a photograph: power falls with the square of the frequency."""
    rng, (width, height) = np.random.default_rng(row), size
    up, across = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None]
    fall = 1 / np.maximum(np.hypot(up, across), 1 / width)
    channels = [np.fft.irfft2(fall * np.exp(2j * np.pi * rng.random(fall.shape)), s=(height, width)) for _ in range(3)]
    pixels = np.stack(channels, axis=-1)
    pixels = 128 + 45 * (pixels - pixels.mean()) / pixels.std()
    content = io.BytesIO()
    Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(content, "JPEG", quality=90)
    return content.getvalue()


def scored_rows(
    rows: int, audited: int, names: Sequence[str], *, model: str = "audited", notices: Sequence[Notice] = ()
) -> ScoredRows:
    """Rows with a calibrated quality, of which some are audited; the last one is skipped."""
    rng = np.random.default_rng(0)
    expected, wrong = scores(rows, rng)
    labels = np.array(names)
    given = rng.integers(0, len(names), rows)
    other = (given + rng.integers(1, len(names), rows)) % len(names)
    known = np.isin(np.arange(rows), rng.choice(rows - 1, audited, replace=False))
    skipped = np.arange(rows) == rows - 1
    unknown = np.full(rows, np.nan, np.float32)
    quality = np.where(skipped, np.nan, 1 - expected).astype(np.float32)
    identity = {
        "sample_id": [f"r{row}" for row in range(rows)],
        "path": pa.nulls(rows, pa.string()),
        "given_label": pa.array(labels[given].tolist(), pa.string()),
        "trusted_label": pa.array(labels[np.where(wrong, other, given)].tolist(), pa.string(), mask=~known),
        "second_label": pa.nulls(rows, pa.string()),
        "corrected_label": pa.nulls(rows, pa.string()),
        "skip_reason": pa.array(["truncated"] * rows, pa.string(), mask=~skipped),
        "certified": pa.nulls(rows, pa.bool_()),
    }
    return ScoredRows(
        identity=pa.table(identity),
        alpha=unknown,
        beta=unknown,
        margin=unknown,
        alignment=unknown,
        positive_share=unknown,
        label_quality=quality,
        suggested=np.where(skipped, -1, other),
        suggested_confidence=np.where(skipped, np.nan, expected).astype(np.float32),
        judging=known & (model == "audited"),
        probability=np.full(rows, np.nan),
        classes=tuple(names),
        model=model,
        notices=tuple(notices),
    )


def make_scored(
    folder: Path,
    *,
    rows: int = 300,
    audited: int = 120,
    names: Sequence[str] = CLASSES,
    model: str = "audited",
    notices: Sequence[Notice] = (),
) -> Path:
    """Write scores of rows, and the table of their images; each tenth image is broken. Returns the run."""
    scored = scored_rows(rows, audited, names, model=model, notices=notices)
    few = [photograph(row, (40, 30)) for row in range(7)]
    images = [b"no image" if row % 10 == 3 else few[row % len(few)] for row in range(rows)]
    identity = scored.identity
    table = {"sample_id": identity["sample_id"], "label": identity["given_label"], "image": pa.array(images)}
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(table), folder / "data.parquet")
    write(folder / "run", scored, Cutoff(), run=folder / "run", source=Source(str(folder / "data.parquet")))
    return folder / "run"


@dataclass
class Page(HTMLParser):
    """A page as a browser would read it: its tags with attributes, and its text without scripts and styles."""

    tags: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    scripts: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        {"script": self.scripts, "style": []}.get(self._inside, self.texts).append(data)

    def of(self, name: str) -> list[dict[str, str | None]]:
        """The attributes of all tags of a name."""
        return [attributes for tag, attributes in self.tags if tag == name]

    @property
    def text(self) -> str:
        """All that can be read, one blank between words."""
        return " ".join(" ".join(self.texts).split())


def read_page(html: str) -> Page:
    page = Page()
    page.feed(html)
    page.close()
    return page
