"""`embed` on the command line: help without torch, a signal that leaves shards, and what is refused."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from support.datasets import Command, embeddings, image_folder


def test_help_does_not_import_torch() -> None:
    check = "import sys\nfrom noisecleaner.cli import main\ntry:\n    main(['embed', '--help'])\nexcept SystemExit:\n"
    check += "    sys.exit('torch' in sys.modules or 'ray' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False, stdout=subprocess.DEVNULL).returncode == 0


def test_what_cannot_be_embedded_is_refused(command: Command, tmp_path: Path) -> None:
    image_folder(tmp_path / "images", rows=6)
    embeddings(tmp_path / "e.parquet", rows=6)
    for data, words, says in (
        ("images", ["--backbone", "cifar-quick"], "cifar-quick would start from random ones"),
        ("e.parquet", [], "needs a column 'image'"),
        ("none", [], "it does not exist"),
        ("images", ["--format", "xml"], "--format xml is unknown"),
    ):
        outcome = command("embed", tmp_path / data, "--out", tmp_path / "emb", "--device", "cpu", *words)
        assert outcome.code == 2
        assert says in " ".join(outcome.err.split())
        assert not (tmp_path / "emb").exists()
        assert not (tmp_path / ".emb.partial").exists()
