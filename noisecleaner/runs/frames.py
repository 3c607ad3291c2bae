"""Tables of a run for those who work with pandas, which noisecleaner does without."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from noisecleaner.errors import NoisecleanerError

if TYPE_CHECKING:
    import pandas as pd


def to_frame(table: pa.Table) -> pd.DataFrame:
    """Make a DataFrame; flags are nullable, because a skipped row has none.

    Raises:
        NoisecleanerError: pandas is not installed.
    """
    try:
        import pandas as pd
    except ModuleNotFoundError as error:
        raise NoisecleanerError(
            "A DataFrame needs pandas, which is not installed.",
            "Install it (pip install pandas), or take an Arrow table.",
        ) from error
    return table.to_pandas(types_mapper={pa.bool_(): pd.BooleanDtype()}.get)
