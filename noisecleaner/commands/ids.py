"""`noisecleaner ids`."""

from __future__ import annotations

from itertools import islice
from typing import Annotated

from noisecleaner.commands import console
from noisecleaner.commands._groups import Without, grouped
from noisecleaner.commands._options import RowOptions
from noisecleaner.commands._shared import Data

#: Ids that are written at a time.
_BLOCK = 10_000


@grouped
def ids(
    *,
    data: Data,
    rows: Annotated[
        RowOptions,
        Without(
            "label_column",
            "trusted_column",
            "embedding_column",
            "probabilities_column",
            "label_names",
            "none_label",
        ),
    ],
) -> None:
    """List the ids of a dataset, one a line, in the order of its rows: that of a .npy file beside it.

    Example: noisecleaner ids images/ > ids.txt
    """
    from noisecleaner.api import ids as list_ids

    found = list_ids(rows.source(data))
    while block := list(islice(found, _BLOCK)):
        console.show_text("".join(f"{name}\n" for name in block))
