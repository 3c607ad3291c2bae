"""What both exports of Label Studio share: who annotated, and which value names the image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from noisecleaner.ingest.annotations._marks import as_word
from noisecleaner.ingest.files.kinds import IMAGE_ENDINGS, PICTURE_ENDINGS, ending_of

#: What people mostly call the value with the image.
_IMAGES = ("image", "img", "image_url", "picture", "photo", "url", "file_name", "path")
#: What our own export calls the id.
_OWN_ID = "nc_id"


def person(completed_by: Any) -> str | None:
    """Say who annotated: a number, or an object with one and an address; None where nobody is named."""
    if isinstance(completed_by, dict):
        known = (as_word(completed_by.get(key)) for key in ("email", "username", "id"))
        return next((name for name in known if name), None)
    return as_word(completed_by)


def image_key(data: Mapping[str, Any]) -> str | None:
    """Find what names the image: a value called so, else the first that ends like an image's name."""
    named = [key for key in _IMAGES if isinstance(data.get(key), str)]
    others = (key for key, value in data.items() if isinstance(value, str) and _is_image(value))
    return next(iter(named), None) or next(others, None)


def image_in(data: Mapping[str, Any]) -> str | None:
    """The value that names the image; None where there is none."""
    key = image_key(data)
    return None if key is None else as_word(data[key])


def facts_of(data: Mapping[str, Any]) -> dict[str, str]:
    """What else stands in the data of a task, as text; the id of our own export under its own name."""
    known = {str(as_word(key)): word for key, value in data.items() if (word := as_word(value)) is not None}
    if _OWN_ID in known:
        known.setdefault("sample_id", known.pop(_OWN_ID))
    known.pop(str(as_word(image_key(data))), None)
    return known


def _is_image(value: str) -> bool:
    return ending_of(value.partition("?")[0]) in IMAGE_ENDINGS | PICTURE_ENDINGS or "/local-files/?d=" in value
