"""What Hugging Face `datasets` reads of a folder off its README.md: its splits, and what its columns are.

Without it `load_dataset` guesses from the first five rows, and fails at a column that begins later.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

#: What `datasets` calls numbers, where Arrow says otherwise.
_DTYPES = {"halffloat": "float16", "float": "float32", "double": "float64", "duration[ns]": "int64"}
#: A backslash, or a character that JSON escapes as two halves.
_ESCAPED = re.compile(r"\\\\|(\\ud[89ab]..\\ud[c-f]..)")


def card(features: Sequence[Mapping[str, Any]], files: Mapping[str, str]) -> str:
    """Write the card: YAML, of which JSON is a part.

    Args:
        features: what each column is, see `feature`.
        files: split, as its owner calls it -> pattern of its files.
    """
    splits: dict[str, str] = {}
    for name, path in files.items():
        split = re.sub(r"\W", "_", name) or "_"  # `datasets` takes nothing else
        while split in splits:
            split += "_"
        splits[split] = path
    data_files = [{"split": split, "path": path} for split, path in splits.items()]
    told = {
        "configs": [{"config_name": "default", "data_files": data_files}],
        "dataset_info": {"features": list(features)},
    }
    return f"---\n{_yaml(told)}\n---\n"


def feature(name: str, kind: pa.DataType) -> dict[str, Any]:
    """Describe a column of JSON values, see `json_values.records`.

    Args:
        name: of the column.
        kind: what it holds in a table.
    """
    return {"name": name, **_described(kind)}


def class_label(name: str, names: Sequence[str]) -> dict[str, Any]:
    """Describe a column of numbers that stand for classes."""
    return {"name": name, "dtype": {"class_label": {"names": {str(n): text for n, text in enumerate(names)}}}}


def _yaml(value: Any) -> str:
    """Write JSON that is YAML, too, which lacks pairs of surrogates and does not take the character DEL as it is."""
    text = json.dumps(value, ensure_ascii=True, indent=1).replace("\x7f", "\\u007f")
    return _ESCAPED.sub(lambda found: _joined(found[1]) if found[1] else found[0], text)


def _joined(pair: str) -> str:
    return f"\\U{ord(json.loads(f'{chr(34)}{pair}{chr(34)}')):08x}"


def _described(kind: pa.DataType) -> dict[str, Any]:
    if pa.types.is_dictionary(kind):
        return _described(kind.value_type)
    if pa.types.is_struct(kind):
        return {"struct": [feature(kind.field(place).name, kind.field(place).type) for place in range(kind.num_fields)]}
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        inner = _described(kind.value_type)
        return {"list": inner.get("dtype") or inner.get("struct") or inner}
    told = _DTYPES.get(str(kind), str(kind))
    numbers = pa.types.is_integer(kind) or pa.types.is_floating(kind) or told in _DTYPES.values()
    return {"dtype": told if numbers or pa.types.is_boolean(kind) or pa.types.is_null(kind) else "string"}
