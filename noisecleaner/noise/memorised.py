"""Whether probabilities that somebody brings come from a model that has learned the labels of these very rows."""

from __future__ import annotations

from noisecleaner.noise.three_labels import ThreeLabels
from noisecleaner.notices import Notice

#: The code of the notice.
CODE = "probabilities-not-out-of-sample"
#: Wrong verified labels of which one may speak, and the share of them that only a model gives that was taught them. One
#: that was not gives the right class or any other: where 40 % of a class are labelled as its look-alike, half of them.
_LEAST, _SHARE = 10, 0.8


def memorised_labels(rows: ThreeLabels) -> Notice | None:
    """Say so where wrong labels are nearly always the likeliest ones.

    Args:
        rows: of the dataset, with probabilities in place of what networks say.
    """
    wrong = rows.wrong & rows.known & (rows.trusted >= 0)
    count, given = int(wrong.sum()), int((wrong & (rows.likeliest == rows.given)).sum())
    if count < _LEAST or given < _SHARE * count:
        return None
    return Notice(
        code=CODE,
        message=f"Of {count:,} verified rows whose given label is wrong, the probabilities call that label the "
        f"likeliest in {given:,}: the model was trained on these very rows, and knows their labels by heart. It tells "
        "little of which are wrong. Predict each row by a model that was trained without it, such as by scikit-learn's "
        "cross_val_predict(…, method='predict_proba').",
    )
