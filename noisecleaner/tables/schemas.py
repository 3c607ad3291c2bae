"""The columns of the tables that noisecleaner writes."""

from __future__ import annotations

import pyarrow as pa


def schema_of(*columns: tuple[str, pa.DataType], required: int = 1) -> pa.Schema:
    """Make a schema of which the first columns are never null."""
    return pa.schema(pa.field(name, kind, nullable=i >= required) for i, (name, kind) in enumerate(columns))


#: What identifies a row, and its labels as text.
SAMPLE = (
    ("sample_id", pa.string()),
    ("path", pa.string()),
    ("given_label", pa.string()),
    ("trusted_label", pa.string()),
)

#: Columns that earlier versions did not write; null in their files.
LATER = frozenset(
    {
        "second_label",
        "corrected_label",
        "judging",
        "sample_probability",
        "certified",
        "alignment",
        "positive_share",
        "zero_shot_margin",
        "zero_shot_log_probability",
        "first_predicted_margin",
        "first_predicted_log_probability",
        "first_candidates",
        "first_candidate_log_probabilities",
        "voted_predicted_margin",
        "voted_predicted_log_probability",
        "voted_candidates",
        "voted_candidate_log_probabilities",
    }
)

#: One row for each row of the dataset, in its order: the result.
SCORES = schema_of(
    *SAMPLE,
    ("second_label", pa.string()),
    ("corrected_label", pa.string()),
    ("alpha", pa.float32()),
    ("beta", pa.float32()),
    ("alignment", pa.float32()),  # of its gradient with that of the trusted rows, in units of its batch
    ("positive_share", pa.float32()),  # of its visits, in which the method weighed the given label above zero
    ("margin", pa.float32()),
    ("label_quality", pa.float32()),
    ("suggested_label", pa.string()),
    ("suggested_confidence", pa.float32()),
    ("flagged", pa.bool_()),
    ("judging", pa.bool_()),  # a verified row of a sample, whose numbers come from models that did not see it
    ("sample_probability", pa.float64()),  # with which it was drawn to be verified; null: like every other row
    ("skip_reason", pa.string()),
    ("certified", pa.bool_()),  # a row of a clean copy that carries a verified label
)

#: What scores have on top where somebody asks for the names of cleanlab; nothing here reads them.
CLEANLAB = schema_of(
    ("is_label_issue", pa.bool_()),
    ("label_score", pa.float64()),
    ("predicted_label", pa.string()),
)

#: Effective noise against threshold.
REPORT = schema_of(
    ("by", pa.string()),
    ("threshold", pa.float64()),
    ("kept", pa.int64()),
    ("kept_fraction", pa.float64()),
    *(
        (name + end, pa.float64())
        for name in ("effective_noise", "precision", "recall")
        for end in ("", "_low", "_high")
    ),
    required=4,
)


#: Rows that hold the same as others, or nearly: a line for each of them, those of a group one behind the other.
DUPLICATES = schema_of(
    ("sample_id", pa.string()),
    ("kind", pa.string()),  # identical or near
    ("group", pa.int64()),  # the same number for rows that are alike
    ("given_label", pa.string()),
    ("split", pa.string()),
    required=3,
)


#: Rows to verify, and those that are verified already: what `plan` writes and `--trusted` takes back.
PLAN = schema_of(
    *SAMPLE,
    ("suggested_label", pa.string()),
    ("label_quality", pa.float32()),
    ("sample_probability", pa.float64()),  # with which the row would be in this table
)

#: Rows to verify before anything is known of them, without a word of the given label: what `plan_data` writes.
BLIND = schema_of(
    ("sample_id", pa.string()),
    ("path", pa.string()),
    ("trusted_label", pa.string()),
    ("sample_probability", pa.float64()),
)

#: Verified rows to look at again, without a word of what was said of them: what `recheck` writes.
RECHECK = schema_of(
    ("sample_id", pa.string()),
    ("path", pa.string()),
    ("second_label", pa.string()),
)

#: The last plan of a run, for the next one: every row with its probability.
DESIGN = schema_of(
    ("sample_id", pa.string()),
    ("before", pa.float64()),  # this plan
    ("sample_probability", pa.float64()),  # with it
    ("drawn", pa.bool_()),
    required=4,
)
