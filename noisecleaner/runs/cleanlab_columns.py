"""What cleanlab's `Datalab.get_issues("label")` calls the columns that say which labels look wrong."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from noisecleaner.runs.scored import SIGNED
from noisecleaner.tables import CLEANLAB


def with_cleanlab_columns(table: pa.Table, by: str) -> pa.Table:
    """Append the columns; `given_label` is there already.

    `is_label_issue` holds for flagged rows. `label_score` is the value that the threshold cuts, which is lower where a
    label is worse: label quality, or another column, of which what is above 1 counts as 1 and one with a sign enters as
    1 / (1 + exp(-x)); null where a row was skipped.
    `predicted_label` is the likeliest class: the suggested label where that is likelier than the given one.

    Args:
        table: rows of scores.parquet.
        by: the column that the threshold cuts.
    """
    values = table[by].cast(pa.float64())
    if by in SIGNED:
        values = pc.divide(1.0, pc.add(1.0, pc.exp(pc.negate(values))))
    score = pc.max_element_wise(pc.min_element_wise(values, 1.0, skip_nulls=False), 0.0)
    likelier = pc.greater(table["suggested_confidence"], pc.fill_null(table["label_quality"], 0.0))
    predicted = pc.if_else(pc.fill_null(likelier, False), table["suggested_label"], table["given_label"])
    columns = {
        "is_label_issue": pc.fill_null(table["flagged"], False),
        "label_score": pc.if_else(pc.is_null(table[by]), None, score),
        "predicted_label": predicted,
    }
    for field in CLEANLAB:
        table = table.append_column(field, columns[field.name])
    return table
