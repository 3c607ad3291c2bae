"""Values of a table -> what JSON can say."""

from __future__ import annotations

import math
from typing import Any


def plain(value: Any) -> Any:
    """Turn a value, as Arrow gives it to Python, into one that JSON has.

    Times, durations and decimal numbers become text, and what is no number, null.
    """
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(name): plain(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(part) for part in value]
    return value if value is None or isinstance(value, (str, int)) else str(value)
