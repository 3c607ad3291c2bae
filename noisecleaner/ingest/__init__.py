"""Ingest: an image folder, a table or a glob of tables -> one manifest; what cannot be used gets a reason."""

from noisecleaner.ingest.checks import check_enough, refuse_skips, require_readable
from noisecleaner.ingest.manifest import Images, Manifest, Payload, Skip, Vectors
from noisecleaner.ingest.opening import open_tables
from noisecleaner.ingest.reading import ingest, read_beside, read_manifest, read_target
from noisecleaner.ingest.source import Columns, Source
from noisecleaner.ingest.verified.verification import Verification, read_verification

__all__ = [
    "Columns",
    "Images",
    "Manifest",
    "Payload",
    "Skip",
    "Source",
    "Vectors",
    "Verification",
    "check_enough",
    "ingest",
    "open_tables",
    "read_beside",
    "read_manifest",
    "read_target",
    "read_verification",
    "refuse_skips",
    "require_readable",
]
