"""Make the sample data from CIFAR-10 and CIFAR-10N.

Usage: python make.py CIFAR10_FOLDER

CIFAR10_FOLDER holds the CIFAR-10 training set as Parquet (`train-*.parquet`: image, label, index) and
`human_labels.parquet` (index, clean_label, worse_label) with the labels of CIFAR-10N.
"""

import json
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

ROWS, VERIFIED, SEED = 3000, 300, 20240607
HERE = Path(__file__).parent


def main(folder: Path) -> None:
    """Draw the rows and write the three files beside this script."""
    images = pq.read_table(sorted(folder.glob("train-*.parquet")))
    names = json.loads(images.schema.metadata[b"huggingface"])["info"]["features"]["label"]["names"]
    human = pq.read_table(folder / "human_labels.parquet")
    assert images["index"].equals(human["index"])  # noqa: S101
    rng = np.random.default_rng(SEED)
    rows = np.sort(rng.choice(len(images), ROWS, replace=False))
    verified = np.sort(rng.choice(ROWS, VERIFIED, replace=False))
    ids = [f"{row:05d}" for row in rows]
    pixels = [{"bytes": images["image"][int(row)]["bytes"].as_py(), "path": f"{row:05d}.png"} for row in rows]
    given = human["worse_label"].to_numpy()[rows].astype(np.int64)
    true = np.array(names)[human["clean_label"].to_numpy()[rows]]

    features = {"image": {"_type": "Image"}, "label": {"names": names, "_type": "ClassLabel"}}
    struct = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    data = pa.table({"sample_id": ids, "image": pa.array(pixels, struct), "label": given})
    data = data.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    pq.write_table(data, HERE / "cifar10n.parquet", row_group_size=500, compression="zstd")
    trusted = pa.table({"sample_id": [ids[i] for i in verified], "trusted_label": true[verified]})
    pq.write_table(trusted, HERE / "trusted.parquet", compression="zstd")
    pq.write_table(pa.table({"sample_id": ids, "true_label": true}), HERE / "truth.parquet", compression="zstd")
    print(f"{ROWS} rows, {(np.array(names)[given] != true).mean():.1%} of the labels wrong, {VERIFIED} verified")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
