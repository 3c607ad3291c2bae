"""What rows look like in numbers: of pictures colours, spread and sharpness; of vectors themselves."""

from __future__ import annotations

import numpy as np
import pytest

from noisecleaner.inputs.appearance import appearance


def pictures(size: int, count: int = 5) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, size, size, 3)).astype(np.uint8)


@pytest.mark.parametrize("size", [28, 32, 35, 160])
def test_pictures_of_any_size_give_as_many_numbers(size: int) -> None:
    numbers = appearance(pictures(size), "pixels")
    assert numbers.shape == (5, 48 + 2 + 3 + 4)
    assert np.isfinite(numbers).all()


def test_the_first_numbers_are_mean_colours_of_fields() -> None:
    picture = np.zeros((1, 8, 8, 3), np.uint8)
    picture[0, :2, 2:4, 1] = 255
    numbers = appearance(picture, "pixels")[0, :48].reshape(4, 4, 3)
    expected = np.zeros((4, 4, 3))
    expected[0, 1, 1] = 1
    np.testing.assert_allclose(numbers, expected)


def test_grey_copies_lose_their_colour_and_blurred_ones_their_edges() -> None:
    one = pictures(32)
    grey = np.repeat(one.mean(axis=3, keepdims=True).astype(np.uint8), 3, axis=3)
    blurred = (one // 4 + np.roll(one, 1, 1) // 4 + np.roll(one, 1, 2) // 4 + np.roll(one, (1, 1), (1, 2)) // 4).astype(
        np.uint8
    )
    plain = appearance(one, "pixels")
    np.testing.assert_allclose(appearance(grey, "pixels")[:, 48:50], np.log(1e-3), atol=1e-5)
    assert (appearance(blurred, "pixels")[:, 53:55] < plain[:, 53:55] - 0.3).all()


def test_vectors_are_what_they_are_and_probabilities_are_rooted() -> None:
    vectors = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float16)
    assert appearance(vectors, "vectors") is vectors
    np.testing.assert_allclose(appearance(np.array([[0.25, 0.75, 0.0]]), "probabilities") ** 2, [[0.25, 0.75, 0.0]])
