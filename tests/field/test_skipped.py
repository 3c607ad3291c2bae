"""Rows that cannot be used are told beside the noise, and where none is left the refusal says what was looked for."""

from __future__ import annotations

from pathlib import Path

from support.datasets import Command, embeddings, image_folder
from support.field import SMALL, Refused
from support.sources import make, table


def test_fit_and_score_say_it_beside_the_noise(tmp_path: Path, command: Command) -> None:
    image_folder(tmp_path / "images", rows=45)
    names = [str(p.relative_to(tmp_path)) for p in sorted((tmp_path / "images").rglob("*.png"))]
    data = table(tmp_path / "d.parquet", image=[*names, *(f"gone/{i}.png" for i in range(9))], label=list("abc") * 18)
    fit = command("fit", data, "--method", "uniform", "--out", tmp_path / "run", *SMALL)
    assert fit.code == 0, fit.err
    words = (
        "Warning: 45 of 54 rows can be used, 9 are skipped: 9 missing_file (such as gone/0.png). The first file "
        f"that is missing is {tmp_path}/gone/0.png."
    )
    assert words in fit.err
    assert words in command("score", tmp_path / "run").out
    new = command("score", tmp_path / "run", "--data", data, "--out", tmp_path / "new")
    assert new.code == 0, new.err
    assert words in new.out


def test_where_nothing_can_be_used_the_refusal_says_what_was_looked_for(refused: Refused, tmp_path: Path) -> None:
    make(tmp_path, "images/0.png")
    table(tmp_path / "d.parquet", image=[f"pictures/{i}.png" for i in range(20)], label=["a", "b"] * 10)
    fit = ["fit", "d.parquet", "--method", "uniform", "--out", "run", *SMALL]
    refused(*fit, says=["20 missing_file", f"{tmp_path}/pictures/0.png", "A file of that name is images/0.png"])


def test_pointers_of_git_lfs_are_refused_with_what_to_do(refused: Refused, tmp_path: Path) -> None:
    for row in range(20):
        path = tmp_path / "images" / "ab"[row % 2] / f"{row}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:aa\nsize 2345\n")
    fit = ["fit", "images", "--method", "uniform", "--out", "run", *SMALL]
    refused(*fit, says=["20 git_lfs_pointer", "`git lfs pull`"])


def test_new_rows_of_other_classes_only_are_refused_with_their_names(
    refused: Refused, tmp_path: Path, fitted: Path
) -> None:
    embeddings(tmp_path / "new.parquet", rows=30)
    score = ["score", fitted / "run", "--data", "new.parquet", "--embedding-column", "embedding"]
    refused(*score, "--label-column", "sample_id", says=["Labels that are no class: s00000, s00001"])
