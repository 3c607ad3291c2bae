"""The map that every engine runs: batches of images in, the same rows with vectors out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from support.datasets import png
from support.embedding import tiny, vectors

from noisecleaner.embedding.embedder import Embedder
from noisecleaner.images.framing import Framing
from noisecleaner.inputs.decoding import decode
from noisecleaner.networks.backbones import build
from noisecleaner.settings import Decoding


@pytest.fixture(scope="module")
def embedder(tmp_path_factory: pytest.TempPathFactory) -> Embedder:
    return Embedder.open(tiny(tmp_path_factory.mktemp("weights")), "cpu", Decoding(threads=2))


IMAGES = [png(row % 3, np.random.default_rng(row), (20 + row % 5, 16)) for row in range(40)]


def batches(sizes: list[int], kind: pa.DataType | None = None) -> Iterator[pa.RecordBatch]:
    first = 0
    for size in sizes:
        images = pa.array(IMAGES[first : first + size], kind or pa.binary())
        ids = [f"r{row}" for row in range(first, first + size)]
        yield pa.RecordBatch.from_pydict({"id": ids, "image": images, "camera": [1.5] * size})
        first += size


def together(found: Iterator[pa.RecordBatch]) -> pa.Table:
    return pa.Table.from_batches(list(found))


def test_vectors_are_the_features_of_the_network_as_float16(embedder: Embedder, tmp_path: Path) -> None:
    model = tiny(tmp_path)
    network = build("cifar-quick", size=16, pretrained=False, weights=model.weights).eval()  # type: ignore[arg-type]  # a path
    pixels = np.stack([decode(image, [Framing(16)])[0] for image in IMAGES[:8]])  # type: ignore[index]  # they decode
    with torch.inference_mode():
        expected = network(torch.from_numpy(pixels).permute(0, 3, 1, 2).float()).numpy()
    found = together(embedder(batches([8])))
    assert found.schema.names == ["id", "camera", "embedding", "skip_reason"]
    assert found.schema.field("embedding").type == pa.list_(pa.float16(), 64)
    np.testing.assert_allclose(vectors(found), expected, rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize("sizes", [[40], [1] * 40, [3, 0, 17, 20], [0], []])
def test_rows_stay_in_their_batches_whatever_their_size(embedder: Embedder, sizes: list[int]) -> None:
    given = list(batches(sizes))
    found = list(embedder(iter(given)))
    assert [batch.num_rows for batch in found] == [size for size in sizes if size]
    for batch, before in zip(found, [batch for batch in given if batch.num_rows], strict=True):
        assert batch.select(["id", "camera"]).equals(before.select(["id", "camera"]))
        assert batch.schema == embedder.schema(before.schema)


def test_a_row_has_the_same_vector_in_every_batch(embedder: Embedder) -> None:
    whole, parts = (vectors(together(embedder(batches(sizes)))) for sizes in ([40], [7, 20, 13]))
    np.testing.assert_array_equal(whole, parts)


@pytest.mark.parametrize("kind", [pa.large_binary(), pa.struct([("bytes", pa.binary()), ("path", pa.string())])])
def test_images_come_as_bytes_of_every_kind(embedder: Embedder, kind: pa.DataType) -> None:
    cells = [{"bytes": image, "path": None} for image in IMAGES] if pa.types.is_struct(kind) else IMAGES
    batch = pa.RecordBatch.from_pydict({"image": pa.array(cells, kind)})
    np.testing.assert_array_equal(
        vectors(together(embedder(iter([batch])))), vectors(together(embedder(batches([40]))))
    )


def test_images_come_as_paths(embedder: Embedder, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(IMAGES[0])
    batch = pa.RecordBatch.from_pydict({"image": [str(tmp_path / "a.png"), str(tmp_path / "none.png")]})
    found = together(embedder(iter([batch])))
    assert found["skip_reason"].to_pylist() == [None, "missing_file"]
    np.testing.assert_array_equal(vectors(found)[0], vectors(together(embedder(batches([1]))))[0])


def test_rows_without_an_image_have_nan_and_a_reason(embedder: Embedder) -> None:
    cells = [IMAGES[0], None, b"no image", IMAGES[1][:100], b""]
    batch = pa.RecordBatch.from_pydict({"image": pa.array(cells, pa.binary())})
    found = together(embedder(iter([batch])))
    assert found["skip_reason"].to_pylist() == [None, "no_image", "unsupported_format", "truncated", "no_image"]
    assert np.isnan(vectors(found)).all(axis=1).tolist() == [False, True, True, True, True]


def test_a_reason_that_is_known_already_stays(embedder: Embedder) -> None:
    batch = pa.RecordBatch.from_pydict(
        {"image": pa.array([IMAGES[0], None], pa.binary()), "skip_reason": [None, "git_lfs_pointer"]}
    )
    assert together(embedder(iter([batch])))["skip_reason"].to_pylist() == [None, "git_lfs_pointer"]


def test_what_goes_wrong_in_reading_comes_through(embedder: Embedder) -> None:
    def failing() -> Iterator[pa.RecordBatch]:
        yield from batches([3])
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        list(embedder(failing()))
