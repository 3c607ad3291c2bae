"""Files that appear whole or not at all, and tell when they are damaged."""

from noisecleaner.files.array_files import read_arrays, write_arrays
from noisecleaner.files.outputs import replacing, sweep, together
from noisecleaner.files.paths import AnyPath, located, named, refuse_existing, spelled, unused
from noisecleaner.files.records import LongList, damaged, read_record, write_json, write_record

__all__ = [
    "AnyPath",
    "LongList",
    "damaged",
    "located",
    "named",
    "read_arrays",
    "read_record",
    "refuse_existing",
    "replacing",
    "spelled",
    "sweep",
    "together",
    "unused",
    "write_arrays",
    "write_json",
    "write_record",
]
