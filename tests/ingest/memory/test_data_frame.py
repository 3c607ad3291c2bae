"""DataFrames of pandas with all that stands in them."""

from __future__ import annotations

import io
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from noisecleaner.ingest.memory import keep


def kept(frame: pd.DataFrame, folder: Path) -> pa.Table:
    return pq.read_table(keep(frame, folder / "rows.parquet"))


def test_types_of_pandas_stay(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "category": pd.Categorical(["b", None, "a"], categories=["a", "b", "c"]),
            "nullable": pd.array([1, None, 3], dtype="Int64"),
            "text": pd.array(["x", None, "z"], dtype="string"),
            "gap": [1.5, np.nan, 2.5],
            "vector": [np.ones(2, np.float32), np.zeros(2, np.float32), None],
            "path": [PurePosixPath("cat/1.png"), None, PurePosixPath("dog/2.png")],
            "true": [True, False, True],
            7: [1, 2, 3],
        }
    )
    table = kept(frame, tmp_path)
    assert table["category"].type.value_type in (pa.string(), pa.large_string())
    assert table["nullable"].type == pa.int64()
    assert table["vector"].type == pa.list_(pa.float32())
    assert table["7"].to_pylist() == [1, 2, 3]
    assert table.slice(1, 1).drop_columns(["vector", "true", "7"]).to_pylist() == [
        {"category": None, "nullable": None, "text": None, "gap": None, "path": None}
    ]
    assert table["path"].to_pylist() == ["cat/1.png", None, "dog/2.png"]
    assert table["category"].to_pylist() == ["b", None, "a"]


def test_an_index_counts_only_where_it_has_a_name(tmp_path: Path) -> None:
    frame = pd.DataFrame({"label": ["x", "y"]}, index=["r1", "r2"])
    assert kept(frame, tmp_path / "without").column_names == ["label"]
    named = kept(frame.rename_axis("sample_id"), tmp_path / "with")
    assert named.to_pydict() == {"sample_id": ["r1", "r2"], "label": ["x", "y"]}


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "F"])
def test_pictures_keep_every_pixel(mode: str, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (9, 7, 3), np.uint8)
    picture = Image.fromarray(noise).convert("I" if mode == "I;16" else mode)
    picture = picture.convert("I;16") if mode == "I;16" else picture
    (content,) = kept(pd.DataFrame({"image": [picture]}), tmp_path)["image"].to_pylist()
    again = Image.open(io.BytesIO(content))
    assert again.mode == mode
    np.testing.assert_array_equal(np.asarray(again), np.asarray(picture))


def test_a_photograph_that_is_to_be_turned_still_is(tmp_path: Path) -> None:
    picture = Image.new("RGB", (4, 3))
    picture.getexif()[0x0112] = 6
    (content,) = kept(pd.DataFrame({"image": [picture]}), tmp_path)["image"].to_pylist()
    assert Image.open(io.BytesIO(content)).getexif()[0x0112] == 6


def test_arrays_of_pixels_and_structs_of_hugging_face_are_images(tmp_path: Path) -> None:
    pixels = np.arange(27, dtype=np.uint8).reshape(3, 3, 3)
    frame = pd.DataFrame({"array": [pixels], "struct": [{"bytes": b"png", "path": None}]})
    table = kept(frame, tmp_path)
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(table["array"][0].as_py()))), pixels)
    assert table["struct"].type == pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def test_a_part_of_a_frame_is_kept_as_it_stands(tmp_path: Path) -> None:
    frame = pd.DataFrame({"n": range(5000)}).sample(frac=0.5, random_state=0)
    assert kept(frame, tmp_path)["n"].to_pylist() == list(frame["n"])
