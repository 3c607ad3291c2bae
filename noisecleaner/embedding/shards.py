"""A folder of shards while it is made and when it is whole: Parquet files that appear one by one, whole or not at all.

While it is made it lies beside its final name, so that nobody takes a part of a dataset for all of it.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from noisecleaner.embedding.config import EmbedConfig
from noisecleaner.embedding.rows import ImageRows
from noisecleaner.errors import Interrupted, NoisecleanerError
from noisecleaner.files import (
    alone,
    damaged,
    named,
    read_record,
    replacing,
    require_regular,
    seal_folder,
    sweep,
    write_record,
)
from noisecleaner.ingest.files.kinds import OWN_FILE
from noisecleaner.ingest.fingerprints import Fingerprint
from noisecleaner.ingest.source import Columns
from noisecleaner.ingest.tables.maker import Maker
from noisecleaner.progress import listener
from noisecleaner.runs.differences import differences
from noisecleaner.runs.record import versions
from noisecleaner.tables import METADATA_KEY
from noisecleaner.texts import parsed_json

#: Raised whenever a reader of old folders would misunderstand new ones.
_VERSION = 1
_SHARDS, _SCRATCH = "part-*.parquet", ".scratch"


@dataclass(frozen=True, kw_only=True)
class ShardRecord:
    """What the folder says of itself, in its noisecleaner.json and in the metadata of every shard.

    Args:
        options: what was asked, see `EmbedConfig.to_json`.
        maker: what made the vectors.
        fingerprint: of ids and labels.
        contents: what a few images are, spread evenly.
        rows: of the dataset.
        names: of the classes in their order, where somebody has told it.
    """

    options: Mapping[str, Any]
    maker: Maker
    fingerprint: str
    contents: Fingerprint
    rows: int
    names: tuple[str, ...] = ()

    @classmethod
    def of(cls, config: EmbedConfig, rows: ImageRows, maker: Maker) -> ShardRecord:
        """Describe what is asked of which rows; JSON has lists where Python has tuples."""
        return cls(
            options=json.loads(json.dumps(config.to_json())),
            maker=maker,
            fingerprint=rows.fingerprint(),
            contents=Fingerprint.of(rows.images, len(rows)),
            rows=len(rows),
            names=rows.names,
        )

    @classmethod
    def read(cls, folder: Path) -> ShardRecord:
        """Read it.

        Raises:
            NoisecleanerError: the file is missing or damaged, or another version wrote it.
        """
        path = folder / OWN_FILE
        content = read_record(path)
        try:
            if content["embeddings"] != _VERSION:
                raise ValueError(f"version {content['embeddings']}")
            return cls(
                options=content["options"],
                maker=Maker.from_json(content["maker"]),
                fingerprint=str(content["fingerprint"]),
                contents=Fingerprint.from_json(content["contents"]),
                rows=int(content["rows"]),
                names=tuple(content["label_names"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise damaged(path, f"it is not what `embed(...)` writes: {error!r}") from error

    def to_json(self) -> dict[str, Any]:
        """Give plain values; the column of labels and their names are those of a clean copy, and read as such."""
        return {
            **versions(),
            "embeddings": _VERSION,
            "maker": self.maker.to_json(),
            "rows": self.rows,
            "fingerprint": self.fingerprint,
            "contents": self.contents.to_json(),
            "options": dict(self.options),
            "label_column": Columns.label,
            "label_names": list(self.names),
        }

    def refuse_other(self, wanted: ShardRecord, folder: Path, rows: ImageRows) -> None:
        """Refuse to go on with vectors of something else.

        Args:
            wanted: what is asked now.
            folder: where this record stands.
            rows: what is asked for now.

        Raises:
            NoisecleanerError: options, network or rows are not those of then.
        """
        other = [*differences(self.options, wanted.options), *self.maker.differences(wanted.maker)]
        if other:
            raise NoisecleanerError(
                f"`resume=True` needs what {folder} was started with: {', '.join(dict.fromkeys(other))}.",
                f"Repeat the first `embed(...)` and add `resume=True`, or remove {folder} to start again.",
            )
        if self.fingerprint != wanted.fingerprint:
            raise NoisecleanerError(
                f"`resume=True` needs the data that {folder} was started with, but ids or labels have changed since.",
                f"Remove {folder} to start again.",
            )
        if (changed := self.contents.changed(rows.images, len(rows))) is not None:
            raise NoisecleanerError(
                f"`resume=True` needs the data that {folder} was started with, but "
                f"{changed.words(rows.table[Columns.sample_id])}.",
                f"Bring back what it began with, or remove {folder} to start again.",
            )


@dataclass(frozen=True, kw_only=True)
class Shards:
    """The files of a folder that is being filled.

    Args:
        folder: where they are.
        record: what they hold.
        size: rows of each, but for the last one.
    """

    folder: Path
    record: ShardRecord
    size: int

    @property
    def count(self) -> int:
        """How many there are when all is done."""
        return -(-self.record.rows // self.size)

    @property
    def scratch(self) -> Path:
        """What engines keep of rows that are in no shard yet."""
        return self.folder / _SCRATCH

    @property
    def begun(self) -> bool:
        """Whether there is something to go on with."""
        return any(self.folder.glob(_SHARDS)) or any(path.is_file() for path in self.scratch.rglob("*"))

    def path(self, number: int) -> Path:
        """Where a shard is."""
        return self.folder / f"part-{number:05d}.parquet"

    def missing(self) -> list[int]:
        """Numbers of the shards that are not there."""
        return [number for number in range(self.count) if not self.path(number).exists()]

    def remove_others(self) -> None:
        """Remove what is called like a shard and is none of these: damaged, of other rows, or one too many."""
        own = {self.path(number): number for number in range(self.count)}
        for path in self.folder.glob(_SHARDS):
            if path not in own or not self._holds(path, own[path]):
                path.unlink()

    def refuse_unequal(self) -> None:
        """Refuse shards whose columns differ, once all are there.

        Raises:
            NoisecleanerError: names one that differs from the first.
        """
        schemas = [(path, pq.read_schema(path)) for path in sorted(self.folder.glob(_SHARDS))]
        for path, schema in schemas[1:]:
            if not schema.equals(schemas[0][1]):
                raise damaged(path, f"its columns are not those of {schemas[0][0]}")

    def _holds(self, path: Path, number: int) -> bool:
        """Whether a file holds the rows of a shard, as far as its metadata tells."""
        try:
            require_regular(path)
            found = pq.read_metadata(path)
            told = parsed_json((found.metadata or {})[METADATA_KEY])
        except (pa.ArrowException, OSError, KeyError, ValueError):
            return False
        rows = min(self.size, self.record.rows - number * self.size)
        return found.num_rows == rows and isinstance(told, dict) and told == self._told(number)

    def _told(self, number: int) -> dict[str, Any]:
        """What the metadata of a shard tell."""
        told = {**self.record.to_json(), "shard": number}
        del told["contents"]
        return told

    def write(self, number: int, table: pa.Table) -> None:
        """Write a shard, whole or not at all; pages carry checksums.

        Args:
            number: which one.
            table: ids, labels, vectors, and why there are none.
        """
        told = self._told(number)
        schema = table.schema.with_metadata({METADATA_KEY: json.dumps(told).encode()})
        dictionary = [field.name for field in schema if pa.types.is_string(field.type) and field.name != "sample_id"]
        with (
            replacing(self.path(number)) as temporary,
            pq.ParquetWriter(
                temporary, schema, compression="zstd", write_page_checksum=True, use_dictionary=dictionary
            ) as writer,
        ):
            writer.write_table(table.cast(schema))


@contextmanager
def open_shards(out: Path, wanted: ShardRecord, rows: ImageRows, *, size: int, resume: bool) -> Iterator[Shards | None]:
    """Open a folder to fill; only one process at a time gets it. It gets its name when the block ends well.

    What an interrupted block leaves stays beside that name, for `resume`.

    Args:
        out: the folder to make.
        wanted: what is asked; compared with what is resumed.
        rows: of which dataset.
        size: rows of a shard.
        resume: go on with an interrupted run.

    Yields:
        The folder; None where it is whole already, with these options.

    Raises:
        NoisecleanerError: the folder is taken, or holds something else than what is asked.
    """
    out = named(out)
    partial = _partial(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    with alone(out, work="embed"):
        if _is_there(out):
            _check_finished(out, wanted, rows, resume=resume)
            yield None
            return
        _begin(partial, out, wanted, rows, resume=resume)
        shards = Shards(folder=partial, record=wanted, size=size)
        shards.remove_others()
        try:
            yield shards
        except Interrupted as stop:
            stop.resumable = True
            raise
        except BaseException:
            if not shards.begun:
                shutil.rmtree(partial, ignore_errors=True)
            raise
        shutil.rmtree(shards.scratch, ignore_errors=True)
        shards.refuse_unequal()
        seal_folder(partial, kind="embeddings", progress=listener())
        if out.exists():
            out.rmdir()  # an empty folder
        partial.rename(out)


def discard_other(out: Path, wanted: ShardRecord, rows: ImageRows) -> None:
    """Remove what an earlier run with something else has left at a place that nobody but us writes to.

    Args:
        out: the folder to make.
        wanted: what is asked.
        rows: of which dataset.
    """
    out = named(out)
    for folder in (out, _partial(out)):
        if folder.exists():
            try:
                ShardRecord.read(folder).refuse_other(wanted, folder, rows)
            except NoisecleanerError:
                shutil.rmtree(folder, ignore_errors=True)


def _partial(out: Path) -> Path:
    return out.with_name(f".{out.name}.partial")


def _is_there(out: Path) -> bool:
    return out.exists() and not (out.is_dir() and not any(out.iterdir()))


def _check_finished(out: Path, wanted: ShardRecord, rows: ImageRows, *, resume: bool) -> None:
    """Refuse a folder that is taken, unless it is what would be made."""
    if not resume:
        raise NoisecleanerError(
            f"A new folder is required, but {out} exists already.", "Name another with `out`, or remove it."
        )
    ShardRecord.read(out).refuse_other(wanted, out, rows)


def _begin(partial: Path, out: Path, wanted: ShardRecord, rows: ImageRows, *, resume: bool) -> None:
    """Make the folder in which shards are gathered, or take the one that an interrupted run left."""
    begun = any(partial.glob(_SHARDS)) or (partial / _SCRATCH).exists()
    # killed, or failed, before anything was done
    if not (partial / OWN_FILE).exists() or not (begun or resume):
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        write_record(partial / OWN_FILE, wanted.to_json())
        return
    if not resume:
        raise NoisecleanerError(
            f"An interrupted `embed(...)` has left shards of {out} in {partial}.",
            "Pass `resume=True` to go on with them, or remove that folder to start again.",
        )
    ShardRecord.read(partial).refuse_other(wanted, partial, rows)
    sweep(partial)
