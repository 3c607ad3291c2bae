"""An image folder, class/name.png, with the metadata.parquet that Hugging Face `imagefolder` reads."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path, PurePosixPath

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from noisecleaner.export.copying import Copy
from noisecleaner.export.file_names import safe_names
from noisecleaner.export.hugging_face import features
from noisecleaner.ingest.kinds import IMAGE_ENDINGS
from noisecleaner.progress import Stage

NEEDS_IMAGES = True


def write(folder: Path, copy: Copy, stage: Stage) -> None:
    """Write the images byte by byte, each into the folder of its class, and the metadata."""
    folders = safe_names(copy.classes)
    paths, ids = copy.manifest.table["path"], copy.manifest.table["sample_id"]
    used: dict[str, dict[str, int]] = {name: {} for name in folders}
    names: dict[int, str] = {}
    for row, content in copy.images():
        if content is None:
            continue
        below = folders[copy.labels[row]]
        original = PurePosixPath(paths[row].as_py() or ids[row].as_py())
        (stem,) = safe_names([original.stem], used[below])
        names[row] = f"{below}/{stem}{_ending(original, content)}"
        (folder / below).mkdir(exist_ok=True)
        (folder / names[row]).write_bytes(content)
        stage.advance()
    _write_metadata(folder / "metadata.parquet", copy, names)


def _write_metadata(path: Path, copy: Copy, names: dict[int, str]) -> None:
    """Write a line for each file: row -> name."""
    rows = np.array(list(names), dtype=np.int64)
    taken = pa.array(rows)
    columns = {
        "file_name": pa.array(names.values(), pa.string()),
        "label": pa.array(copy.labels[rows], pa.int64()),
        "sample_id": copy.manifest.table["sample_id"].take(taken),
        **{name: copy.notes[name].take(taken) for name in copy.notes.column_names},
    }
    table = pa.table(columns).replace_schema_metadata(features("label", copy.classes))
    pq.write_table(table, path, compression="zstd", write_page_checksum=True)


def _ending(name: PurePosixPath, content: bytes) -> str:
    """The file's ending: the one it has, else the one of its format."""
    if name.suffix.lower() in IMAGE_ENDINGS:
        return name.suffix
    with Image.open(BytesIO(content)) as image:
        return {"JPEG": ".jpg", "MPO": ".jpg", "TIFF": ".tif", "JPEG2000": ".jp2"}.get(
            str(image.format), f".{image.format}".lower()
        )
