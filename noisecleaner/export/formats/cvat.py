"""CVAT for images 1.1: dataset.zip with images/ and annotations.xml, and labels.json for the project."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from noisecleaner.export.copying import Copy
from noisecleaner.export.file_names import safe_names
from noisecleaner.export.image_names import FlatNames
from noisecleaner.export.items import Item, column_names, items
from noisecleaner.export.json_values import as_text
from noisecleaner.export.xml_texts import renamed_classes, xml_names
from noisecleaner.images.decoding import size_of
from noisecleaner.notices import Notice
from noisecleaner.progress import Stage
from noisecleaner.texts import xml_text

NEEDS_IMAGES = True
NEXT = (
    "Make a CVAT project with {out}/labels.json as its labels (Raw), which declares the columns as attributes, then "
    "choose Import dataset, CVAT 1.1, {out}/dataset.zip: a task for each split."
)
#: Characters of a name of a label or attribute, which CVAT cuts after that.
_LONGEST = 64


def write(folder: Path, copy: Copy, stage: Stage) -> list[Notice]:
    """Write one archive, which is what CVAT imports, also where a split has lost all rows."""
    made = _Archive.of(copy)
    labels = [{"name": name, "type": "tag", "attributes": made.attributes} for name in made.labels.values()]
    (folder / "labels.json").write_text(json.dumps(labels, ensure_ascii=False, indent=1) + "\n", "utf-8")
    lines = folder / "annotations.xml"  # the images come first, so that memory holds one of them
    with ZipFile(folder / "dataset.zip", "w") as archive:
        with lines.open("w", encoding="utf-8", newline="\n") as xml:
            xml.write(made.head())
            for item in items(copy):
                split, name = made.splits.get(item.split, ""), made.names.file(item.row, item.content)
                archive.writestr(_entry("/".join(filter(None, ["images", split, name])), ZIP_STORED), item.content)
                xml.writelines(made.image(item, name))
                stage.advance()
            xml.write("</annotations>\n")
        with lines.open("rb") as xml_read, archive.open(_entry(lines.name, ZIP_DEFLATED), "w", force_zip64=True) as to:
            while block := xml_read.read(1 << 20):
                to.write(block)
    lines.unlink()
    return [*made.names.stems.notices(), *renamed_classes(made.labels, tool="CVAT")]


@dataclass(frozen=True, kw_only=True)
class _Archive:
    """What the annotations say beside the rows.

    Args:
        labels: class -> the label that stands for it.
        columns: column -> the attribute that holds it.
        splits: split -> its subset; empty without splits.
        rows: how many each split has.
        names: of the files.
    """

    labels: Mapping[str, str]
    columns: Mapping[str, str]
    splits: Mapping[str | None, str]
    rows: Sequence[int]
    names: FlatNames
    numbers: dict[str | None, int] = field(default_factory=dict)

    @classmethod
    def of(cls, copy: Copy) -> _Archive:
        columns, folders = column_names(copy), copy.structure.folders
        names = folders.names if folders else ()
        return cls(
            labels=dict(zip(copy.classes, xml_names(copy.classes, _LONGEST), strict=True)),
            columns=dict(zip(columns, xml_names(columns, _LONGEST), strict=True)),
            splits=dict(zip(names, safe_names(names), strict=True)),
            rows=list(copy.structure.counts(copy.rows).values()) or [len(copy.rows)],
            names=FlatNames(copy),
        )

    @property
    def attributes(self) -> list[dict[str, Any]]:
        """The columns, as each label declares them: what is not declared is dropped."""
        return [
            {"name": name, "input_type": "text", "mutable": False, "values": [""], "default_value": ""}
            for name in self.columns.values()
        ]

    def head(self) -> str:
        """The beginning of the annotations, up to the first image."""
        attributes = "".join(
            f"<attribute><name>{escape(name)}</name><mutable>False</mutable><input_type>text</input_type>"
            "<default_value></default_value><values></values></attribute>"
            for name in self.columns.values()
        )
        labels = "".join(
            f"<label><name>{escape(name)}</name><type>tag</type><attributes>{attributes}</attributes></label>\n"
            for name in self.labels.values()
        )
        inner = f"<labels>\n{labels}</labels>"
        if self.splits:
            tasks = "\n".join(
                f"<task><id>{place}</id>{_task(name, rows)}<subset>{escape(name)}</subset></task>"
                for place, (name, rows) in enumerate(zip(self.splits.values(), self.rows, strict=True))
            )
            subsets = escape("\n".join(self.splits.values()))
            meta = f"<project><name>noisecleaner</name><tasks>\n{tasks}\n</tasks>\n{inner}\n"
            meta += f"<subsets>{subsets}</subsets></project>"
        else:
            meta = f"<task><id>0</id>{_task('noisecleaner', self.rows[0])}{inner}</task>"
        return f'<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n<version>1.1</version>\n<meta>{meta}</meta>\n'

    def image(self, item: Item, name: str) -> Iterator[str]:
        """The annotations of a row."""
        number = self.numbers[item.split] = self.numbers.get(item.split, -1) + 1
        # 0 of an image that does not open, and is in the archive all the same
        width, height = size_of(item.content) or (0, 0)
        split = ""
        if item.split in self.splits:
            split = f' subset={quoteattr(self.splits[item.split])} task_id="{list(self.splits).index(item.split)}"'
        yield f'<image id="{number}" name={quoteattr(name)}{split} width="{width}" height="{height}">'
        if item.name is not None:
            yield f'<tag label={quoteattr(self.labels[item.name])} source="file">'
            for column, value in item.columns.items():
                if value is not None:
                    text = escape(xml_text(as_text(value)), {"\r": "&#13;"})
                    yield f"<attribute name={quoteattr(self.columns[column])}>{text}</attribute>"
            yield "</tag>"
        yield "</image>\n"


def _task(name: str, rows: int) -> str:
    return f"<name>{escape(name)}</name><size>{rows}</size><mode>annotation</mode>"


def _entry(name: str, compression: int) -> ZipInfo:
    """A member of an archive without a time, so that the same rows give the same bytes."""
    entry = ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    entry.compress_type, entry.create_system, entry.external_attr = compression, 3, 0o644 << 16
    return entry
