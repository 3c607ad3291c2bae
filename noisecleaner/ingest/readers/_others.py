"""Files that are taken for tables but are none: what they are, and what to do."""

from __future__ import annotations

from noisecleaner.ingest.files.kinds import IMAGE_ENDINGS, PICTURE_ENDINGS, ending_of

_PICKLE = ("is a pickle, which is never loaded, because it may run code", "Write it as Parquet.")
_WORKBOOK = ("is a workbook of a kind that is not read", "Save it as .xlsx or as CSV UTF-8 there.")
_ARCHIVE = ("is an archive", "Unpack it, and give the folder or the table in it.")
_ARRAYS = ("holds arrays", "Name it beside the dataset, with `Columns(embedding=FILE)` (.npy).")
_CONFIGURATION = ("is a configuration, such as YOLO's", "Give the image folder, or a table of paths and labels.")
_ANNOTATION = (
    "is no table",
    "Give an image folder or a table of paths and labels as the dataset. Tags of CVAT (CVAT for images 1.1) are "
    "verified labels: pass them as `trusted=FILE` or `corrections=FILE`. Make a table of other such annotations.",
)
_OTHERS = {
    (".xls", ".xlsb", ".ods"): _WORKBOOK,
    (".pkl", ".pickle", ".pt", ".pth", ".joblib"): _PICKLE,
    (".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".zst", ".7z", ".rar"): _ARCHIVE,
    (".npy", ".npz", ".mat", ".h5", ".hdf5"): _ARRAYS,
    (".yaml", ".yml"): _CONFIGURATION,
    (".xml", ".txt"): _ANNOTATION,
    (".dvc",): ("is a pointer of DVC", "Run `dvc pull`, and give the file itself."),
    (".feather", ".orc", ".tfrecord", ".lance"): ("is a table of a kind that is not read", "Write it as Parquet."),
    tuple(IMAGE_ENDINGS | PICTURE_ENDINGS): (
        "is an image",
        "Give an image folder (class/x.png) or a table of images; a single image is no dataset.",
    ),
}


def what_it_is(name: str) -> tuple[str, str]:
    """Say what a file of this name is, and what to do with it."""
    found = next((answer for endings, answer in _OTHERS.items() if ending_of(name) in endings), None)
    return found or ("does not", "Give an image folder (class/x.png) or a table of images.")
