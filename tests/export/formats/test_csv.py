"""CSV: what the owner wrote comes out byte by byte, but for labels that changed, paths of images, and notes."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from support.datasets import Command
from support.exported import scored
from support.exports import by_hand
from support.outcomes import refused
from support.sources import make, red, table, vectors

from noisecleaner.ingest import Columns, Source, read_manifest

NOTES = [f"nc_{name}" for name in ("given_label", "label_quality", "alpha", "beta", "suggested_label")]


def dataset(folder: Path, lines: list[str], name: str = "d.csv", end: str = "\n", start: bytes = b"") -> Source:
    folder.mkdir(exist_ok=True)
    for number in range(4):
        (folder / f"{number}.png").write_bytes(red())
    (folder / name).write_bytes(start + end.join([*lines, ""]).encode())
    return Source(str(folder / name))


LINES = ["id;label;image;zip;note", "1;3;0.png;01069;", '2;5;1.png;007;"a;b"', "3;3;2.png;1;say x", "4;8;3.png;;é"]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize(("name", "start"), [("d.csv", b""), ("d.csv", b"\xef\xbb\xbf"), ("d.tsv", b"sep=;\r\n")])
def test_the_owners_table_comes_out_as_it_was(
    tmp_path: Path, command: Command, end: str, name: str, start: bytes
) -> None:
    start = start.replace(b"\r\n", end.encode())
    source = dataset(tmp_path / "in", LINES, name, end, start)
    source = Source(source.data, columns=Columns(sample_id="id"))
    run = scored(tmp_path, source, suggested={"2": "8"})
    outcome = command("export-clean", run, "--out", tmp_path / "out", "--on-flag", "relabel")
    assert outcome.code == 0
    assert f"out ({name[2:] if name == 'd.csv' else 'csv'})" in outcome.out
    assert f"names them by their absolute paths, in {tmp_path / 'in'}; commands read such a copy with" in outcome.out
    assert f"Its rows are in {tmp_path / 'out' / name}." in outcome.out
    beside = [".noisecleaner-manifest.json", ".noisecleaner.json"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [*beside, name]
    written = (tmp_path / "out" / name).read_bytes()
    assert written.startswith(start)
    lines = written.removeprefix(start).decode().split(end)
    assert lines.pop() == ""
    assert lines[0].startswith(f"{LINES[0]};{';'.join(NOTES)};")
    for number, (line, owned) in enumerate(zip(lines[1:], LINES[1:], strict=True)):
        label = "8" if number == 1 else owned.split(";")[1]
        fields = [str(number + 1), label, f"{tmp_path}/in/{number}.png", *owned.split(";")[3:]]
        assert line.startswith(";".join([*fields, owned.split(";")[1], "0."]))


def test_rows_without_ids_keep_their_paths_as_ids(tmp_path: Path, command: Command) -> None:
    make(tmp_path / "in", "a/1.png", "b/1.png", "b/2.png")
    lines = ["image,label", "a/1.png,cat", "b\\1.png,dog", "b/2.png,cat"]
    (tmp_path / "in" / "d.csv").write_text("\n".join([*lines, ""]))
    run = scored(tmp_path, Source(str(tmp_path / "in" / "d.csv")))
    assert command("export-clean", run, "--out", tmp_path / "out").code == 0
    copy = Source(str(tmp_path / "out" / "d.csv"), allow_absolute=True)
    before, after = read_manifest(Source(str(tmp_path / "in" / "d.csv"))), read_manifest(copy)
    assert after.table["sample_id"].equals(before.table["sample_id"])
    assert after.table["given_label"].equals(before.table["given_label"])
    assert after.table["path"].to_pylist() == [f"{tmp_path}/in/{name}" for name in ("a/1.png", "b/1.png", "b/2.png")]
    assert all(Path(path).is_file() for path in after.table["path"].to_pylist())
    again = scored(tmp_path / "again", copy)
    assert command("export-clean", again, "--out", tmp_path / "two").code == 0
    assert (tmp_path / "two" / "d.csv").read_bytes() == (tmp_path / "out" / "d.csv").read_bytes()


def test_types_of_a_parquet_table_become_text_that_reads_as_the_same(tmp_path: Path, command: Command) -> None:
    columns = {
        "whole": pa.array([1.0, None]),
        "single": pa.array([0.1, 2.0], pa.float32()),
        "yes": [True, None],
        "tags": [["a", "é"], None],
        "kind": pa.array(["x", "y"]).dictionary_encode(),
        "image": ["1.png", "/elsewhere/2.png"],
    }
    path = vectors(tmp_path / "d.parquet", [3, 5], **columns)
    run = scored(tmp_path, Source(str(path), columns=Columns(embedding="embedding")))
    outcome = command("export-clean", run, "--out", tmp_path / "out", "--format", "csv")
    assert outcome.code == 0
    lines = (tmp_path / "out" / "d.csv").read_text().splitlines()
    assert lines[0].startswith("sample_id,label,embedding,whole,single,yes,tags,kind,image,nc_given_label")
    assert lines[1].startswith(f'r0,3,"[1.0, 2.0]",1.0,0.1,true,"[""a"", ""é""]",x,{tmp_path}/1.png,3,')
    assert lines[2].startswith('r1,5,"[1.0, 2.0]",,2.0,,,y,/elsewhere/2.png,5,')


def test_names_of_classes_go_with_the_copy(tmp_path: Path, command: Command) -> None:
    make(tmp_path, "1.png", "2.png")
    names = {"label": ["cat", "dog", "emu"]}
    path = table(tmp_path / "d.parquet", class_names=names, image=["1.png", "2.png"], label=[2, 0])
    run = scored(tmp_path, Source(str(path)))
    assert command("export-clean", run, "--out", tmp_path / "out", "--format", "csv").code == 0
    assert (tmp_path / "out" / "d.csv").read_text().splitlines()[1].startswith(f"{tmp_path}/1.png,2,1.png,emu,")
    read = read_manifest(Source(str(tmp_path / "out" / "d.csv"), allow_absolute=True))
    assert read.table["given_label"].to_pylist() == ["emu", "cat"]
    assert read.classes == ("cat", "dog", "emu")


@pytest.mark.parametrize("format", ["csv", "jsonl", "json"])
@pytest.mark.parametrize("more", [(), ("--dry-run",)])
def test_images_in_the_table_are_refused(tmp_path: Path, command: Command, format: str, more: tuple[str, ...]) -> None:
    run = by_hand(tmp_path).run
    outcome = command("export-clean", run, "--out", tmp_path / "out", "--format", format, *more)
    refused(outcome, f"--format {format} writes rows of text and numbers, and images stay where they are, but column")
    assert "'image'" in outcome.err
    assert "--format folder to have the images as files." in outcome.err
    assert not (tmp_path / "out").exists()


def test_other_bytes_are_refused_too(tmp_path: Path, command: Command) -> None:
    path = vectors(tmp_path / "d.parquet", ["a", "b"], more=pa.array([{"raw": b"x"}, None]))
    run = scored(tmp_path, Source(str(path), columns=Columns(embedding="embedding")))
    outcome = command("export-clean", run, "--out", tmp_path / "out", "--format", "csv")
    refused(outcome, "column 'more' of", "holds bytes itself (struct<raw: binary>).")
