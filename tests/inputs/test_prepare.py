"""Manifests become one array, row by row, however often the way there is interrupted."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support.datasets import png

from noisecleaner.errors import Interrupted, NoisecleanerError
from noisecleaner.images.framing import Framing
from noisecleaner.ingest import Columns, Manifest, Payload, Skip, Source, ingest
from noisecleaner.inputs.batches import Data
from noisecleaner.inputs.decoding import decode
from noisecleaner.inputs.encoders import Encoder, pixel_encoder
from noisecleaner.inputs.prepare import prepare, prepare_images, prepare_vectors, statistics
from noisecleaner.progress import Progress
from noisecleaner.settings import Decoding

SIZE = 8


@dataclass
class Pictures:
    """Images in memory; tells which were read."""

    content: list[bytes | Skip]
    asked: list[int] = field(default_factory=list)

    def read(self, rows: np.ndarray) -> Iterator[tuple[int, bytes | Skip]]:
        for row in rows.tolist():
            self.asked.append(row)
            yield row, self.content[row]


@dataclass(frozen=True)
class Encodes:
    """Pixels -> their mean colour, in blocks of 4; raises behind some blocks."""

    blocks: int | None = None
    done: list[int] = field(default_factory=list)

    def __call__(self, resized: Sequence[np.ndarray]) -> np.ndarray:
        (pixels,) = resized
        if self.blocks is not None and len(self.done) == self.blocks:
            raise Interrupted(2)
        self.done.append(len(pixels))
        return pixels.mean(axis=(1, 2))


def pictures(rows: int, seed: int = 0) -> Pictures:
    rng = np.random.default_rng(seed)
    return Pictures([png(row % 3, rng, (9, 7)) for row in range(rows)])


def manifest(payload: Payload, rows: int, skipped: dict[int, Skip] | None = None) -> Manifest:
    ids = pa.array([str(row) for row in range(rows)])
    return Manifest.of(ids, classes=("a", "b"), payload=payload).skipping(skipped or {})


def encoder(encode: Encodes) -> Encoder:
    return Encoder(name="means", framings=(Framing(SIZE),), shape=(3,), dtype=np.float32, encode=encode, block=4)


def run(folder: Path, parts: list[Manifest], encode: Encodes) -> tuple[np.ndarray, dict[int, Skip]]:
    decoding = Decoding(threads=2)
    inputs = prepare_images(parts, encoder=encoder(encode), folder=folder, decoding=decoding, progress=Progress())
    return np.array(inputs.array), inputs.skipped


def expected(parts: list[Pictures]) -> np.ndarray:
    """What each row's image decodes to, 0 without one."""
    rows = [content for part in parts for content in part.content]
    decoded = [content if isinstance(content, Skip) else decode(content, [Framing(SIZE)]) for content in rows]
    means = [np.zeros(3) if isinstance(image, Skip) else image[0].mean(axis=(0, 1)) for image in decoded]
    return np.array(means, dtype=np.float32)


def test_every_image_of_every_part_comes_out_in_its_row(tmp_path: Path) -> None:
    first, second = pictures(10), pictures(5, seed=1)
    array, skipped = run(tmp_path, [manifest(first, 10), manifest(second, 5)], Encodes())
    np.testing.assert_array_equal(array, expected([first, second]))
    assert skipped == {}


def test_rows_that_do_not_decode_are_counted_over_all_parts(tmp_path: Path) -> None:
    first, second = pictures(10), pictures(5, seed=1)
    first.content[3] = b"no image"
    second.content[4] = Skip.MISSING_FILE
    array, skipped = run(tmp_path, [manifest(first, 10), manifest(second, 5)], Encodes())
    assert skipped == {3: Skip.UNSUPPORTED_FORMAT, 14: Skip.MISSING_FILE}
    np.testing.assert_array_equal(array, expected([first, second]))


def test_skipped_rows_are_not_even_read(tmp_path: Path) -> None:
    payload = pictures(10)
    array, skipped = run(tmp_path, [manifest(payload, 10, {0: Skip.NO_LABEL, 5: Skip.NO_LABEL})], Encodes())
    assert payload.asked == [1, 2, 3, 4, 6, 7, 8, 9]
    assert skipped == {}
    assert not array[[0, 5]].any()


@pytest.mark.parametrize("blocks", [0, 1, 2, 3])
def test_an_interrupted_run_goes_on_and_ends_with_the_same_array(tmp_path: Path, blocks: int) -> None:
    first, second = pictures(10), pictures(5, seed=1)
    first.content[3] = b"no image"
    parts = [manifest(first, 10), manifest(second, 5)]
    with pytest.raises(Interrupted):
        run(tmp_path, parts, Encodes(blocks))
    first.asked.clear()
    second.asked.clear()
    array, skipped = run(tmp_path, parts, Encodes())
    np.testing.assert_array_equal(array, expected([first, second]))
    assert skipped == {3: Skip.UNSUPPORTED_FORMAT}
    asked = first.asked + [row + 10 for row in second.asked]
    assert asked == list(range(4 * blocks, 15))


def test_pixels_are_kept_as_they_are_decoded(tmp_path: Path) -> None:
    payload = pictures(3)
    part = [manifest(payload, 3)]
    inputs = prepare(
        part, encoder=pixel_encoder(Framing(SIZE)), folder=tmp_path, decoding=Decoding(threads=1), progress=Progress()
    )
    assert inputs.array.dtype == np.uint8
    assert all(np.array_equal(inputs.array[row], decode(payload.content[row], [Framing(SIZE)])[0]) for row in range(3))  # type: ignore[arg-type]  # bytes


# Vectors


def table(path: Path, vectors: list[list[float] | None], kind: Literal["embedding", "probabilities"]) -> Manifest:
    ids = [str(row) for row in range(len(vectors))]
    labels = ["ab"[row % 2] for row in range(len(vectors))]
    pq.write_table(pa.table({"sample_id": ids, "label": labels, "v": vectors}), path)
    return ingest(Source(str(path), columns=Columns(**{kind: "v"})))[0]


def test_vectors_of_all_parts_are_copied_in_order_and_missing_ones_are_zero(tmp_path: Path) -> None:
    first = table(tmp_path / "1.parquet", [[1.0, 2.0], None, [3.0, 4.0]], "embedding")
    second = table(tmp_path / "2.parquet", [[5.0, 6.0], None], "embedding")
    inputs = prepare_vectors([first, second], folder=tmp_path, progress=Progress())
    assert inputs.array.tolist() == [[1, 2], [0, 0], [3, 4], [5, 6], [0, 0]]
    assert inputs.skipped == {1: Skip.NO_VECTOR, 4: Skip.NO_VECTOR}


def test_a_file_of_vectors_serves_as_it_is(tmp_path: Path) -> None:
    vectors = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float16)
    np.save(tmp_path / "v.npy", vectors)
    pq.write_table(pa.table({"sample_id": list("wxyz"), "label": list("abab")}), tmp_path / "d.parquet")
    dataset, _ = ingest(Source(str(tmp_path / "d.parquet"), columns=Columns(embedding=str(tmp_path / "v.npy"))))
    (tmp_path / "out").mkdir()
    inputs = prepare_vectors([dataset], folder=tmp_path / "out", progress=Progress())
    assert isinstance(inputs.array, np.memmap)
    assert Path(str(inputs.array.filename)) == tmp_path / "v.npy"
    assert np.array_equal(inputs.array, vectors)
    assert list((tmp_path / "out").iterdir()) == []


def test_parts_with_other_vectors_are_refused(tmp_path: Path) -> None:
    first = table(tmp_path / "1.parquet", [[1.0, 2.0], [0.0, 1.0]], "embedding")
    longer = table(tmp_path / "2.parquet", [[1.0, 2.0, 3.0], [0.0, 1.0, 2.0]], "embedding")
    other = table(tmp_path / "3.parquet", [[0.5, 0.5], [0.0, 1.0]], "probabilities")
    for second in (longer, other, manifest(pictures(2), 2)):
        with pytest.raises(NoisecleanerError, match="need embeddings of 2 numbers as well"):
            prepare_vectors([first, second], folder=tmp_path, progress=Progress())


def test_parts_with_vectors_of_another_maker_are_refused(tmp_path: Path) -> None:
    parts = []
    for weights in ("one", "two", None):
        maker = {"maker": {"backbone": "a", "size": 32, "crop": "squash", "weights": weights}}
        table = pa.table({"sample_id": ["r", "s"], "label": ["a", "b"], "embedding": [[1.0, 2.0], [0.0, 1.0]]})
        metadata = {b"noisecleaner": json.dumps(maker).encode()} if weights else None
        pq.write_table(table.replace_schema_metadata(metadata), tmp_path / f"{weights}.parquet")
        columns = Columns() if weights else Columns(embedding="embedding")
        parts.append(ingest(Source(str(tmp_path / f"{weights}.parquet"), columns=columns))[0])
    one, two, unknown = parts
    assert len(prepare_vectors([one, one], folder=tmp_path, progress=Progress()).array) == 4
    assert len(prepare_vectors([one, unknown], folder=tmp_path, progress=Progress()).array) == 4
    with pytest.raises(NoisecleanerError, match="with weights of the digest one, but theirs"):
        prepare_vectors([one, two], folder=tmp_path, progress=Progress())


@pytest.mark.parametrize("wrong", [[0.5, 0.2], [-0.5, 1.5], [0.2, 0.3, 0.5]])
def test_what_is_no_distribution_over_the_classes_is_refused(tmp_path: Path, wrong: list[float]) -> None:
    part = table(tmp_path / "1.parquet", [wrong, wrong], "probabilities")
    with pytest.raises(NoisecleanerError, match="Class probabilities"):
        prepare_vectors([part], folder=tmp_path, progress=Progress())


def test_probabilities_become_logarithms_and_a_row_without_is_skipped(tmp_path: Path) -> None:
    part = table(tmp_path / "1.parquet", [[0.25, 0.75], None, [1.0, 0.0]], "probabilities")
    inputs = prepare_vectors([part], folder=tmp_path, progress=Progress())
    assert inputs.skipped == {1: Skip.NO_VECTOR}
    cpu = torch.device("cpu")
    data = Data(array=inputs.array, given=part.given, trusted=part.trusted, device=cpu, probabilities=True)
    logarithms = data.inputs(np.array([0, 2])).numpy()
    np.testing.assert_allclose(np.exp(logarithms), np.array([[0.25, 0.75], [1, 0]]), atol=1e-6)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 700), st.integers(1, 5), st.integers(0, 2**31))
def test_statistics_are_those_of_the_rows_that_count(rows: int, width: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    array = rng.normal(3, 2, size=(rows + 3, width)).astype(np.float32)
    some = rng.choice(rows + 3, rows, replace=False)
    mean, deviation = statistics(array, some)
    np.testing.assert_allclose(mean, array[some].astype(np.float64).mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(deviation, array[some].astype(np.float64).std(axis=0), rtol=1e-4, atol=1e-5)


def test_moments_of_vectors_are_those_of_numpy_whatever_their_offset() -> None:
    vectors = np.random.default_rng(0).normal(size=(1000, 5)).astype(np.float32)
    vectors = vectors * [0, 1e-3, 1, 1, 1e3] + [7, 0, 0, 1e3, 1]
    rows = np.arange(0, 1000, 3)
    mean, deviation = statistics(vectors, rows)
    np.testing.assert_allclose(mean, vectors[rows].mean(axis=0), rtol=1e-9)
    np.testing.assert_allclose(deviation, vectors[rows].std(axis=0), rtol=1e-6, atol=1e-6)
