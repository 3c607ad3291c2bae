"""The parts of a fit lie behind one another: numbers, labels and what regularisers see count over all of them."""

from __future__ import annotations

import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest import Columns, Skip, Source
from noisecleaner.settings import Regularisation
from noisecleaner.training.corpus import Corpus, check_usable, read_corpus

LAUTUM, PURIFIED = {"lautum": {}}, {"purified": {}}


def write(name: str, **columns: list[str | None]) -> None:
    """Write a table of embeddings; ids are the letters of the name's beginning and a number."""
    rows = len(next(iter(columns.values())))
    ids = [f"{name[0]}{row}" for row in range(rows)]
    vectors = pa.FixedSizeListArray.from_arrays(pa.array([0.5] * 2 * rows, pa.float32()), 2)
    table = pa.table({"sample_id": ids, "vector": vectors, **{k: pa.array(v, pa.string()) for k, v in columns.items()}})
    pq.write_table(table, f"{name}.parquet")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write("data", label=["cat", "dog", None, "cat"], camera=["front", "rear", None, "front"])
    pq.write_table(
        pa.table(
            {
                "sample_id": ["d1", "t0", "t1"],
                "trusted_label": ["cat", "dog", "cat"],
                "vector": pa.FixedSizeListArray.from_arrays(pa.array([0.5] * 6, pa.float32()), 2),
            }
        ),
        "trusted.parquet",
    )
    write("unlabelled", camera=[None, "side"])
    write("irrelevant", camera=["rear", "rear", "side"])


def read(trusted: str | None = "trusted.parquet", transfer: bool = False, **regularisation: object) -> Corpus:
    source = Source("data.parquet", columns=Columns(embedding="vector", irrelevant="camera"))
    return read_corpus(source, trusted=trusted, regularisation=Regularisation(**regularisation), transfer=transfer)


def everything() -> Corpus:
    return read(regularisers=LAUTUM | PURIFIED, unlabelled="unlabelled.parquet", irrelevant="irrelevant.parquet")


def test_rows_are_numbered_part_behind_part() -> None:
    corpus = everything()
    assert list(corpus.parts()) == ["dataset", "clean_only", "unlabelled", "irrelevant"]
    assert [len(part) for part in corpus.manifests()] == [4, 3, 2, 3]
    assert len(corpus) == 12
    cat, dog = 0, 1
    assert corpus.given.tolist() == [cat, dog, -1, cat, *[-1] * 8]
    assert corpus.trusted.tolist() == [-1, cat, -1, -1, -1, dog, cat, *[-1] * 5]
    assert corpus.clean_only_labels.tolist() == [-1, dog, cat]  # the first one is in the dataset
    assert corpus.target_classes == ("cat", "dog")


def test_regularisers_see_unlabelled_rows_and_the_irrelevant_labels_of_all_parts() -> None:
    side = everything().side()
    assert side.names == ("front", "rear", "side")
    front, rear, aside = 0, 1, 2
    assert side.irrelevant.tolist() == [front, rear, -1, front, *[-1] * 3, -1, aside, rear, rear, aside]
    assert side.unlabelled.tolist() == [2, 7, 8]  # not those that are there for their camera


def test_without_parts_beside_it_a_corpus_is_the_dataset() -> None:
    corpus = read(trusted=None)
    assert list(corpus.parts()) == ["dataset"]
    assert corpus.trusted.tolist() == [-1] * 4
    assert corpus.clean_only_labels.shape == (0,)


def test_rows_that_cannot_be_read_are_marked_in_their_own_part() -> None:
    corpus = everything().skipping({1: Skip.UNREADABLE, 5: Skip.TRUNCATED, 8: Skip.NO_VECTOR})
    assert [part.skips() for part in corpus.manifests()] == [
        {"unreadable": 1},
        {"in_dataset": 1, "truncated": 1},
        {"no_vector": 1},
        {},
    ]
    assert corpus.given.tolist()[:4] == [0, -1, -1, 0]
    assert corpus.trusted.tolist()[:7] == [-1, -1, -1, -1, -1, -1, 0]
    assert corpus.side().unlabelled.tolist() == [2, 7]
    assert corpus.side().irrelevant.tolist()[:4] == [0, -1, -1, 0]


def test_the_target_of_a_transfer_has_classes_of_its_own() -> None:
    write("target", label=["bus", "car"])
    corpus = read("target.parquet", transfer=True)
    assert corpus.dataset.classes == ("cat", "dog")
    assert corpus.target_classes == ("bus", "car")
    assert corpus.trusted.tolist() == [-1, -1, -1, -1, 0, 1]


REFUSED = {
    "no unlabelled rows": ({"regularisers": LAUTUM}, "Regularisation(unlabelled=PATH)"),
    "nobody verified anything": (
        {"trusted": None, "regularisers": LAUTUM, "unlabelled": "unlabelled.parquet"},
        "trusted=FILE",
    ),
    "one camera": (
        {"trusted": None, "regularisers": PURIFIED},
        "at least two values to tell apart, but it holds 1 (front)",
    ),
    "few cameras": (
        {"trusted": None, "regularisers": PURIFIED, "irrelevant": "irrelevant.parquet"},
        "must be filled for most rows, but 3 of 5 have no value",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_a_regulariser_lacks_is_said_in_the_words_of_its_parameter(case: str) -> None:
    if case == "no unlabelled rows":
        write("data", label=["cat", "dog", "cat", "cat"], camera=["front", "rear", None, "front"])
    elif case == "one camera":
        write("data", label=["cat", "dog"], camera=["front", "front"])
    elif case == "few cameras":
        write("data", label=["cat", "dog", "cat", "dog"], camera=["front", None, None, None])
        write("irrelevant", camera=["rear"])
    changes, says = REFUSED[case]
    with pytest.raises(NoisecleanerError, match=re.escape(says)):
        read(**changes)


def test_a_column_must_be_named_for_the_irrelevant_label() -> None:
    source = Source("data.parquet", columns=Columns(embedding="vector"))
    with pytest.raises(NoisecleanerError, match=r"`Regularisation\(regularisers=\{'purified': \{\}\}\)` needs .* Name"):
        read_corpus(source, trusted=None, regularisation=Regularisation(regularisers=PURIFIED), transfer=False)


def test_rows_to_steer_by_are_chosen_only_where_nobody_verified_any_and_a_method_wants_them() -> None:
    plain = read(trusted="none")
    check_usable(plain, method="l2b", strict=False, low_loss=True)
    with pytest.raises(NoisecleanerError, match=r"`trusted='none'` .* `method='uniform'` needs none"):
        check_usable(plain, method="uniform", strict=False, low_loss=True)
    write("data", label=["cat", "dog"], trusted_label=["cat", "cat"])
    with pytest.raises(NoisecleanerError, match=r"without verified rows.*Columns\(trusted=NAME\)"):
        check_usable(read(trusted="none"), method="l2b", strict=False, low_loss=True)


def test_strictness_refuses_rows_that_cannot_be_used() -> None:
    corpus = everything().skipping({0: Skip.UNREADABLE})
    check_usable(corpus, method="uniform", strict=False, low_loss=False)
    with pytest.raises(NoisecleanerError, match="unreadable"):
        check_usable(corpus, method="uniform", strict=True, low_loss=False)
