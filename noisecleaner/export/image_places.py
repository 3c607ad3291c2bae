"""Where the images of a copy are that names them and does not hold them: their paths are made absolute.

A relative path leads nowhere once the table lies elsewhere, and readers do not agree what it would start from: the
table's folder, or that in which a program runs. An absolute one means the same to all of them.
"""

from __future__ import annotations

import os

import pyarrow as pa
import pyarrow.compute as pc

from noisecleaner.export.copying import Copy, Part
from noisecleaner.ingest.files.places import Place
from noisecleaner.ingest.payloads import ImageFiles


def image_root(copy: Copy) -> str | None:
    """The folder that relative paths of images start from, or its URI; None where no column names images."""
    if isinstance(copy.manifest.payload, ImageFiles):
        return _told(copy.manifest.payload.root, copy.source.data)
    files, name = copy.owner.files, copy.source.columns.image
    if files is None or copy.brings_images or name not in files or not _is_text(files.schema.field(name).type):
        return None
    return _told(files.root, copy.source.data)


def absolute_paths(part: Part, copy: Copy) -> pa.Array | None:
    """The paths of the images of a part, shape [n]; None where no column names images."""
    root, payload = image_root(copy), copy.manifest.payload
    if root is None:
        return None
    if isinstance(payload, ImageFiles):
        paths = payload.paths.take(pa.array(part.rows))
    else:  # vectors, beside which a column names images
        paths = part.owned[copy.source.columns.image].combine_chunks().cast(pa.string())
    below = pc.binary_join_element_wise(root.rstrip("/"), paths, "/")
    return pc.if_else(pc.fill_null(pc.match_substring_regex(paths, r"^(/|[A-Za-z][\w+.-]*://|$)"), True), paths, below)


def _told(root: Place, data: str) -> str:
    """A folder as one writes it: that of another machine with the scheme of its URI."""
    if root.local:
        return os.path.abspath(root.path)
    return f"{data.partition('://')[0]}://{root.path}"


def _is_text(kind: pa.DataType) -> bool:
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))
