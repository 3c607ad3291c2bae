"""Warnings about the trusted rows: each appears with its numbers where it should, and nowhere else."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.datasets import CLASSES, Command, embeddings, write_trusted
from support.simulated import Array

from noisecleaner.arrays import UNVERIFIED
from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest import Columns, Source
from noisecleaner.noise.randomness import NOT_RANDOM
from noisecleaner.notices import Severity
from noisecleaner.quality.signals import Predictions
from noisecleaner.settings import Regularisation
from noisecleaner.training.corpus import Corpus, read_corpus
from noisecleaner.training.trustcheck import notices_after, notices_before

VECTORS = ["--embedding-column", "embedding"]
#: No row has a label quality.
NOTHING = np.full(300, np.nan)


@pytest.fixture
def truth(tmp_path: Path) -> dict[str, str]:
    """A dataset of 300 rows beside its true classes."""
    return embeddings(tmp_path / "data.parquet", rows=300)


def corpus_of(folder: Path, verified: dict[str, str], **columns: object) -> Corpus:
    """Read the dataset with some rows verified."""
    table = {"sample_id": list(verified), "trusted_label": list(verified.values()), **columns}
    pq.write_table(pa.table(table), folder / "t.parquet")
    source = Source(str(folder / "data.parquet"), columns=Columns(embedding="embedding"))
    return read_corpus(source, trusted=str(folder / "t.parquet"), regularisation=Regularisation(), transfer=False)


def vectors(folder: Path) -> Array:
    return np.stack(pq.read_table(folder / "data.parquet")["embedding"].to_numpy(zero_copy_only=False))


def given_labels(folder: Path) -> dict[str, str]:
    rows = pq.read_table(folder / "data.parquet", columns=["sample_id", "label"]).to_pylist()
    return {row["sample_id"]: row["label"] for row in rows}


def a_random_sample(truth: dict[str, str], size: int = 60) -> dict[str, str]:
    rows = np.random.default_rng(0).choice(list(truth), size, replace=False)
    return {str(row): truth[row] for row in rows}


@pytest.mark.parametrize("by_heart", [True, False])
def test_probabilities_of_a_model_that_learned_the_rows_are_told_and_nobody_is_blamed(
    tmp_path: Path, truth: dict[str, str], command: Command, by_heart: bool
) -> None:
    table, rng = pq.read_table(tmp_path / "data.parquet"), np.random.default_rng(0)
    labels = list(given_labels(tmp_path).values() if by_heart else truth.values())
    says = 0.8 * (np.array(labels)[:, None] == np.array(CLASSES)) + 0.2 * rng.dirichlet(np.ones(3), 300)
    table = table.drop_columns("embedding").append_column("shares", pa.array(list(says)))
    pq.write_table(table, tmp_path / "data.parquet")
    write_trusted(tmp_path / "t.parquet", a_random_sample(truth, 90), every=1)
    fit = ["fit", tmp_path / "data.parquet", "--trusted", tmp_path / "t.parquet", "--out", tmp_path / "run"]
    outcome = command(*fit, "--probabilities-column", "shares", "--epochs", 2)
    assert outcome.code == 0, outcome.err
    assert ("knows their labels by heart" in outcome.err) == by_heart
    assert "may have been skipped" not in outcome.err


def test_a_random_sample_of_every_class_is_not_warned_of(tmp_path: Path, truth: dict[str, str]) -> None:
    corpus = corpus_of(tmp_path, a_random_sample(truth))
    assert list(notices_before(corpus, vectors(tmp_path))) == []


def test_without_trusted_rows_there_is_nothing_to_warn_of(tmp_path: Path, truth: dict[str, str]) -> None:
    source = Source(str(tmp_path / "data.parquet"), columns=Columns(embedding="embedding"))
    corpus = read_corpus(source, trusted=None, regularisation=Regularisation(), transfer=False)
    assert list(notices_before(corpus, vectors(tmp_path))) == []


def test_classes_without_a_trusted_row_are_named(tmp_path: Path, truth: dict[str, str]) -> None:
    sample = {row: label for row, label in a_random_sample(truth).items() if label != CLASSES[1]}
    (warning,) = notices_before(corpus_of(tmp_path, sample), vectors(tmp_path))
    assert warning.message.startswith(f"1 of 3 classes has no trusted row ({CLASSES[1]})")


def test_names_that_no_row_was_given_are_not_missed(tmp_path: Path, truth: dict[str, str]) -> None:
    rows = pq.read_table(tmp_path / "data.parquet")
    names = ["unused", *CLASSES]
    label = pa.array([names.index(name) for name in rows["label"].to_pylist()])
    features = {"label": {"names": names, "_type": "ClassLabel"}}
    table = rows.set_column(rows.column_names.index("label"), "label", label)
    described = {"huggingface": json.dumps({"info": {"features": features}})}
    pq.write_table(table.replace_schema_metadata(described), tmp_path / "data.parquet")
    sample = a_random_sample(truth)
    corpus = corpus_of(tmp_path, sample)
    assert corpus.target_classes == tuple(names)
    assert list(notices_before(corpus, vectors(tmp_path))) == []
    partly = {row: label for row, label in sample.items() if label != CLASSES[1]}
    (warning,) = notices_before(corpus_of(tmp_path, partly), vectors(tmp_path))
    assert warning.message.startswith(f"1 of 3 classes has no trusted row ({CLASSES[1]})")


def test_rows_picked_from_one_class_are_no_random_sample(tmp_path: Path, truth: dict[str, str]) -> None:
    given = given_labels(tmp_path)
    picked = [row for row in truth if given[row] == CLASSES[0]][:40] + [r for r in truth if given[r] != CLASSES[0]][:20]
    (warning,) = notices_before(corpus_of(tmp_path, {row: truth[row] for row in picked}), vectors(tmp_path))
    assert warning.message.startswith("The 60 verified rows cannot be a random sample")
    assert "p-value of 0.0001 (simulated)" in warning.message


def test_rows_that_a_plan_picked_need_not_look_random(tmp_path: Path, truth: dict[str, str]) -> None:
    given = given_labels(tmp_path)
    picked = [row for row in truth if given[row] == CLASSES[0]][:40] + [r for r in truth if given[r] != CLASSES[0]][:20]
    drawn = pa.array(np.where(np.arange(60) < 40, 0.4, 0.1))
    corpus = corpus_of(tmp_path, {row: truth[row] for row in picked}, sample_probability=drawn)
    assert list(notices_before(corpus, vectors(tmp_path))) == []


def test_one_probability_for_all_makes_no_sample_of_picked_rows(tmp_path: Path, truth: dict[str, str]) -> None:
    given = given_labels(tmp_path)
    picked = [row for row in truth if given[row] == CLASSES[0]][:60]
    drawn = pa.array(np.full(60, 60 / 300))
    corpus = corpus_of(tmp_path, {row: truth[row] for row in picked}, sample_probability=drawn)
    found = [notice for notice in notices_before(corpus, vectors(tmp_path)) if notice.severity is Severity.VOID]
    assert [notice.message[:51] for notice in found] == ["The 60 verified rows cannot be a random sample: giv"]


@pytest.mark.parametrize("probability", [1.0, 0.99, 0.6])
def test_probabilities_that_cannot_be_true_measure_nothing(
    tmp_path: Path, truth: dict[str, str], probability: float
) -> None:
    sample = a_random_sample(truth)
    drawn = pa.array(np.full(len(sample), probability))
    (notice,) = notices_before(corpus_of(tmp_path, sample, sample_probability=drawn), vectors(tmp_path))
    assert (notice.code, notice.severity) == (NOT_RANDOM, Severity.VOID)
    assert f"{len(sample)} of 300 rows" in notice.message or "there are 300" in notice.message


def test_twins_of_trusted_rows_are_counted_and_named(tmp_path: Path, truth: dict[str, str]) -> None:
    sample = a_random_sample(truth)
    names, content = list(truth), vectors(tmp_path)
    trusted, others = [names.index(row) for row in sample], [r for r in range(300) if names[r] not in sample]
    content[others[:7]] = content[trusted[0]]
    content[others[8]] = content[others[9]]  # twins that nobody verified
    (warning,) = notices_before(corpus_of(tmp_path, sample), content)
    assert warning.message.startswith("7 rows of the dataset have the very content of a trusted row with another id")
    assert names[others[0]] in warning.message
    assert names[others[6]] not in warning.message  # five examples will do


def test_twins_of_clean_only_rows_are_refused(tmp_path: Path, truth: dict[str, str]) -> None:
    """A verified image of a side set that is in the dataset under another id, with its vector."""
    table = pq.read_table(tmp_path / "data.parquet").slice(0, 30)
    side = {f"side-{row}": truth[row] for row in list(truth)[:30]}
    with pytest.raises(NoisecleanerError, match=r"30 in .* have the vector of a row with another id: 'side-s00000'"):
        corpus_of(tmp_path, side, embedding=table["embedding"])


def network(corpus: Corpus, certain: Array, of: Array) -> Predictions:
    """What networks say: this certain of these classes, the rest on another one."""
    given = corpus.dataset.given
    own = np.where(of == given, certain, (1 - certain) / 2)
    other = np.where(of == given, (1 - certain) / 2, certain)
    return Predictions(
        given=given,
        margin=np.log(own / other),
        log_probability=np.log(own),
        candidates=np.where(of == given, (given + 1) % 3, of)[:, None],
        candidate_log_probabilities=np.log(other)[:, None],
    )


def test_verified_labels_that_networks_are_sure_to_be_wrong_are_counted_and_named(
    tmp_path: Path, truth: dict[str, str]
) -> None:
    corpus = corpus_of(tmp_path, a_random_sample(truth))
    judging = corpus.dataset.trusted >= 0
    rows = np.flatnonzero(judging)
    certain, of = np.full(300, 0.999), np.where(judging, corpus.dataset.trusted, 0)
    of[rows[:6]] = (of[rows[:6]] + 1) % 3  # networks see another class
    of[rows[6]], certain[rows[6]] = (of[rows[6]] + 1) % 3, 0.98  # not certain enough
    found = list(notices_after(corpus, network(corpus, certain, of), judging, quality=NOTHING))
    (warning,) = [notice for notice in found if notice.code == "verified-labels-look-wrong"]
    assert warning.message.startswith("6 of 60 verified labels look wrong themselves")
    assert "99% certain" in warning.message
    names = corpus.dataset.table["sample_id"].to_pylist()
    assert [names[row] in warning.message for row in rows[:7]] == [True] * 5 + [False] * 2


def test_verified_labels_that_networks_agree_with_are_not_warned_of(tmp_path: Path, truth: dict[str, str]) -> None:
    """Whether the given label is right or wrong; and rows that do not judge are not looked at."""
    corpus = corpus_of(tmp_path, a_random_sample(truth))
    judging = corpus.dataset.trusted >= 0
    of = np.where(judging, corpus.dataset.trusted, 0)
    assert (corpus.dataset.given != corpus.dataset.trusted)[judging].any()
    found = list(notices_after(corpus, network(corpus, np.full(300, 0.999), of), judging, quality=NOTHING))
    assert not [notice for notice in found if notice.code == "verified-labels-look-wrong"]
    wrong = network(corpus, np.full(300, 0.999), (of + 1) % 3)
    assert list(notices_after(corpus, wrong, np.zeros(300, dtype=bool), quality=NOTHING)) == []


def test_rows_of_no_class_do_not_look_wrong_where_networks_name_one(tmp_path: Path, truth: dict[str, str]) -> None:
    verified = a_random_sample(truth)
    corpus = corpus_of(tmp_path, verified | dict.fromkeys(list(verified)[:20], "none"))
    judging = corpus.dataset.trusted != UNVERIFIED
    assert judging.sum() == 60
    of = np.where(corpus.dataset.trusted >= 0, corpus.dataset.trusted, 0)
    found = list(notices_after(corpus, network(corpus, np.full(300, 0.999), of), judging, quality=NOTHING))
    assert not [notice for notice in found if notice.code == "verified-labels-look-wrong"]


def test_a_fit_says_it_all(tmp_path: Path, command: Command) -> None:
    """Picked rows of two classes, of which three are verified wrongly and one has a twin."""
    truth = embeddings(tmp_path / "data.parquet", rows=300, rate=0.0)
    sure = [row for row in truth if truth[row] != CLASSES[2]]
    verified = {row: truth[row] for row in sure[:100]}
    for row in sure[:3]:
        verified[row] = next(name for name in CLASSES[:2] if name != truth[row])
    table, content = pq.read_table(tmp_path / "data.parquet"), vectors(tmp_path)
    content[list(truth).index(sure[110])] = content[list(truth).index(sure[5])]
    spread = pa.FixedSizeListArray.from_arrays(pa.array(content.reshape(-1)), content.shape[1])
    pq.write_table(table.set_column(2, "embedding", spread), tmp_path / "data.parquet")
    write_trusted(tmp_path / "t.parquet", verified, every=1)
    fit = ["fit", tmp_path / "data.parquet", "--trusted", tmp_path / "t.parquet", "--out", tmp_path / "run", *VECTORS]
    outcome = command(*fit, "--folds", "3", "--epochs", "20")
    assert outcome.code == 0, outcome.err
    for words in (
        f"1 of 3 classes has no trusted row ({CLASSES[2]})",
        "The 100 verified rows cannot be a random sample",
        "1 row of the dataset has the very content of a trusted row",
        "3 of 100 verified labels look wrong themselves",
    ):
        assert words in outcome.err


def test_a_fit_on_a_random_sample_says_nothing(tmp_path: Path, truth: dict[str, str], command: Command) -> None:
    write_trusted(tmp_path / "t.parquet", a_random_sample(truth), every=1)
    fit = ["fit", tmp_path / "data.parquet", "--trusted", tmp_path / "t.parquet", "--out", tmp_path / "run", *VECTORS]
    outcome = command(*fit, "--folds", "3", "--epochs", "2")
    assert outcome.code == 0, outcome.err
    assert "Warning" not in outcome.err
