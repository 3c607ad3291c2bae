"""Files that appear whole or not at all, tell when they are damaged, and are written by one process at a time."""

from noisecleaner.files.array_files import read_arrays, write_arrays
from noisecleaner.files.locks import alone, shared
from noisecleaner.files.outputs import replacing, settle, together
from noisecleaner.files.paths import AnyPath, located, named, refuse_below_file, refuse_existing, spelled, unused
from noisecleaner.files.records import LongList, damaged, read_record, write_json, write_record
from noisecleaner.files.regular import open_regular, read_regular, require_regular
from noisecleaner.files.scratch import scratch_folder, sweep
from noisecleaner.files.seals import (
    HIDDEN_MANIFEST,
    MANIFESTS,
    RUN_MANIFEST,
    SCORES_MANIFEST,
    Seal,
    SealedFile,
    UnsealedError,
    files_below,
    looked_at,
    seal_folder,
    sealed,
    write_seal,
)

__all__ = [
    "HIDDEN_MANIFEST",
    "MANIFESTS",
    "RUN_MANIFEST",
    "SCORES_MANIFEST",
    "AnyPath",
    "LongList",
    "Seal",
    "SealedFile",
    "UnsealedError",
    "alone",
    "damaged",
    "files_below",
    "located",
    "looked_at",
    "named",
    "open_regular",
    "read_arrays",
    "read_record",
    "read_regular",
    "refuse_below_file",
    "refuse_existing",
    "replacing",
    "require_regular",
    "scratch_folder",
    "seal_folder",
    "sealed",
    "settle",
    "shared",
    "spelled",
    "sweep",
    "together",
    "unused",
    "write_arrays",
    "write_json",
    "write_record",
    "write_seal",
]
