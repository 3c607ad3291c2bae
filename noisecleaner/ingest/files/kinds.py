"""What a file is: by the ending of its name, or by its first bytes."""

from __future__ import annotations

import re

from noisecleaner.files import HIDDEN_MANIFEST


def _endings(text: str) -> frozenset[str]:
    return frozenset(text.split())


#: Of images that are decoded (see `images.decoding.FORMATS`).
IMAGE_ENDINGS = _endings(
    ".jpg .jpeg .jpe .jif .jfif .jfi .mpo .png .apng .webp .gif .avif .avifs .bmp .dib .tif .tiff .ico "
    ".ppm .pgm .pbm .pnm .pfm .jp2 .j2k .j2c .jpc .jpf .jpx"
)
#: Of pictures that are not: phones' (but with pillow-heif), vector graphics, raw files of cameras, medical and
#: scientific ones, arrays.
PICTURE_ENDINGS = _endings(
    ".heic .heif .hif .svg .svgz .psd .psb .xcf .ai .eps .dcm .dicom .nii .nrrd .mha .npy .exr .hdr .jxl .jxr .wdp "
    ".tga .pcx .sgi .dds .fits .fit .raw .dng .cr2 .cr3 .nef .arw .orf .rw2 .raf .pef .srw .3fr .qoi .xbm .xpm .wmf "
    ".emf .czi .lif .svs .ndpi"
)
#: Of tables, some of which may hold what the user thinks is read.
TABLE_ENDINGS = _endings(".csv .tsv .jsonl .ndjson .json .parquet .arrow .feather .xlsx .xls .ods")
#: Of files that are known to be no images, and so are not opened to see what they are.
OTHER_ENDINGS = TABLE_ENDINGS | _endings(
    ".txt .md .rst .xml .yaml .yml .toml .ini .cfg .pdf .doc .docx .zip .tar .gz .tgz .bz2 .xz .zst .7z .rar .npz "
    ".mat .h5 .hdf5 .pkl .pickle .pt .pth .onnx .safetensors .mdb .db .sqlite .py .ipynb .sh .js .css .log .mp4 .avi "
    ".mov .mkv .webm .wav .mp3 .crc .md5 .sha256 .lock .dvc"
)
#: Bytes that tell what a file is.
SNIFFED = 160
#: What a clone without Git LFS holds in place of a file.
_POINTER = re.compile(rb"version https://(git-lfs\.github\.com|hawser\.github\.com)/spec/v1")
#: The first bytes -> the format, as Pillow calls it where it reads it.
_FORMATS = (
    (re.compile(rb"\xff\xd8\xff"), "JPEG"),
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "PNG"),
    (re.compile(rb"GIF8[79]a"), "GIF"),
    (re.compile(rb"RIFF.{4}WEBP", re.DOTALL), "WEBP"),
    (re.compile(rb"BM.{4}\0\0\0\0", re.DOTALL), "BMP"),
    (re.compile(rb"II[*+]\0|MM\0[*+]"), "TIFF"),
    (re.compile(rb".{4}ftypavi[fs]", re.DOTALL), "AVIF"),
    (re.compile(rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51"), "JPEG2000"),
    (re.compile(rb"P[1-6]\s+[#0-9]|Pf\s"), "PPM"),
    (re.compile(rb"\0\0\x01\0[\x01-\x20]\0"), "ICO"),
    (re.compile(rb".{4}ftyp(hei|hev|mif1|msf1)", re.DOTALL), "HEIF"),
    (re.compile(rb"\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)?(<!DOCTYPE svg[^>]*>\s*)?<svg", re.DOTALL), "SVG"),
    (re.compile(rb"8BPS"), "PSD"),
    (re.compile(rb".{128}DICM", re.DOTALL), "DICOM"),
    (re.compile(rb"\x93NUMPY"), "NumPy"),
    (re.compile(rb"\xff\x0a|\0\0\0\x0cJXL "), "JPEG XL"),
)
#: Formats of the above that are decoded.
_DECODED = frozenset(("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF", "JPEG2000", "PPM", "ICO"))
#: The first bytes -> what such a file is, in words.
_OTHERS = (
    (re.compile(rb"\s*(<!doctype html|<html|<head|<body)", re.IGNORECASE), "a web page"),
    (re.compile(rb"\s*<\?xml", re.IGNORECASE), "XML"),
    (re.compile(rb"\s*[\[{]\s*[\"\[{\]}]"), "JSON"),
    (re.compile(rb"%PDF-"), "a PDF"),
    (re.compile(rb"PK\x03\x04"), "a ZIP archive"),
    (re.compile(rb"\x1f\x8b"), "gzip"),
    (re.compile(rb"PAR1"), "a Parquet file"),
    (re.compile(rb"\xd0\xcf\x11\xe0"), "an old Office file"),
    (re.compile(rb"\0+\Z"), "zeros"),
    (re.compile(rb"[\t\n\r -~]+\Z"), "text"),
)


#: What an export writes beside the rows of a copy; no row, and nothing to speak of.
OWN_FILE = "noisecleaner.json"
#: The same beside tables of text, where readers of JSON would take it for rows: they pass over hidden files.
HIDDEN_FILE = f".{OWN_FILE}"
OWN_FILES = (OWN_FILE, HIDDEN_FILE)
#: All that stands beside the rows of a folder that we wrote.
BESIDE_ROWS = (*OWN_FILES, HIDDEN_MANIFEST)


def ending_of(name: str) -> str:
    """The ending of a file's name, lower case, with its dot; empty without one."""
    return name[dot:].lower() if (dot := name.rfind(".")) > 0 else ""


def format_of(content: bytes) -> str | None:
    """The format of an image whose first bytes these are, also of one that is not decoded; None for anything else."""
    return next((name for pattern, name in _FORMATS if pattern.match(content)), None)


def decodable(content: bytes) -> bool:
    """Whether these are the first bytes of an image of a format that is decoded without an extra."""
    return format_of(content) in _DECODED


def is_pointer(content: bytes) -> bool:
    """Whether a file that begins so is a pointer of Git LFS, and not the file itself."""
    return _POINTER.match(content) is not None


def described(content: bytes) -> str | None:
    """Say in words what a file that is no image begins like: `a web page`; None where that is unknown."""
    if is_pointer(content):
        return "a pointer of Git LFS"
    name = format_of(content)
    if name is not None:
        return name
    return next((words for pattern, words in _OTHERS if pattern.match(content[:SNIFFED])), None)
