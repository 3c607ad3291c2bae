"""How a long call talks to its caller: silent by default, and a signal stops it at once or at the next safe point."""

from __future__ import annotations

import os
import signal

import pytest

from noisecleaner import progress as module
from noisecleaner.errors import Interrupted
from noisecleaner.progress import Interrupts, Patience, Progress, heard_by


def send(signum: int) -> None:
    os.kill(os.getpid(), signum)


def test_nobody_is_told_anything_by_default(capfd: pytest.CaptureFixture[str]) -> None:
    progress = Progress()
    progress.note("a choice")
    progress.warn("a doubt")
    with progress.stage("Training", 10, "steps") as stage:
        stage.advance(3, loss=0.5)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_interrupts_at_once(signum: int) -> None:
    with pytest.raises(Interrupted) as stop, Interrupts().installed():
        send(signum)
    assert stop.value.signum == signum
    assert not stop.value.resumable


def test_signals_are_handled_as_before_afterwards() -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with pytest.raises(ZeroDivisionError), Interrupts().installed():
        raise ZeroDivisionError
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


class Loop:
    """Work that must not be cut in two: it notes how far it came."""

    def __init__(self) -> None:
        self.interrupts, self.reached = Interrupts(), ""

    def run(self, *signums: int, asking: bool = False, error: BaseException | None = None) -> None:
        """Get signals in the middle of a deferred block, and ask for them before its end or not."""
        with self.interrupts.installed():
            with self.interrupts.deferred():
                for signum in signums:
                    send(signum)
                if error is not None:
                    raise error
                self.reached = "behind the signal"
                if asking:
                    assert self.interrupts.pending()
                    self.interrupts.raise_pending()
                self.reached = "end of the block"
            self.reached = "behind the block"


def test_a_deferred_signal_waits_until_it_is_asked_for() -> None:
    loop = Loop()
    with pytest.raises(Interrupted):
        loop.run(signal.SIGTERM, asking=True)
    assert loop.reached == "behind the signal"


def test_a_deferred_signal_that_nobody_asked_for_comes_at_the_end_of_the_block() -> None:
    loop = Loop()
    with pytest.raises(Interrupted) as stop:
        loop.run(signal.SIGINT)
    assert stop.value.signum == signal.SIGINT
    assert loop.reached == "end of the block"


def test_a_second_signal_does_not_wait() -> None:
    loop = Loop()
    with pytest.raises(Interrupted) as stop:
        loop.run(signal.SIGINT, signal.SIGTERM)
    assert stop.value.signum == signal.SIGTERM
    assert loop.reached == ""


def test_without_a_signal_nothing_happens() -> None:
    loop = Loop()
    loop.run()
    assert loop.reached == "behind the block"
    assert not loop.interrupts.pending()


def test_an_error_inside_comes_through_as_it_is() -> None:
    with pytest.raises(ZeroDivisionError):
        Loop().run(error=ZeroDivisionError())


class Heard(Progress):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


def test_what_takes_long_is_told_ever_more_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    now, heard = [0.0], Heard()
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    patience = Patience()
    with heard_by(heard):
        for second in range(60):
            now[0] = second
            patience.tell(lambda: "Listing")
    assert heard.notes == [f"Listing ({seconds} s so far)." for seconds in (5, 15, 45)]
    now[0] = 1000
    patience.tell(lambda: "Listing")
    assert len(heard.notes) == 3, "nobody listens any more"
