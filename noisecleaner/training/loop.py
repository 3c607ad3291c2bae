"""The training loop: when to stop, when to save, whom to tell. What a step is, is the learner's."""

from __future__ import annotations

from noisecleaner.progress import Interrupts, Progress
from noisecleaner.training.checkpoints import Checkpoint
from noisecleaner.training.learner import Learner


def train(
    learner: Learner,
    checkpoint: Checkpoint,
    *,
    title: str,
    progress: Progress,
    interrupts: Interrupts,
    until: float = 1.0,
) -> None:
    """Take all steps, or go on from a checkpoint; a resumed run takes the same steps as one never interrupted.

    Args:
        learner: changed in place.
        checkpoint: what to resume from and to write to.
        title: of the progress bar.
        progress: is told about every step, and at the end of an epoch what the learner has to show.
        interrupts: asked between steps.
        until: the share of all steps after which training stops, with a checkpoint to go on from.

    Raises:
        Interrupted: a signal arrived; the checkpoint has been written.
    """
    steps = learner.steps_per_epoch * learner.epochs
    start, last = checkpoint.restore(learner), round(steps * until)
    with learner.session(), interrupts.deferred(), progress.stage(title, last, "steps", start) as stage:
        for number in range(start, last):
            epoch, position = divmod(number, learner.steps_per_epoch)
            if position == 0:
                for warning in learner.begin_epoch(epoch):
                    progress.warn(warning)
            learner.step(number)
            ended = position == learner.steps_per_epoch - 1
            stage.advance(1, **(learner.end_epoch() if ended else {}))
            if interrupts.pending() or checkpoint.due():
                checkpoint.save(learner, number + 1)
                interrupts.raise_pending()
        if start < last < steps:
            checkpoint.save(learner, last)
