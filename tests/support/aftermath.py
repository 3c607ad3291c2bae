"""What is there after a command was stopped, and whether it may be: old or new, whole, and mended by the next one."""

from __future__ import annotations

from dataclasses import dataclass

from support.fire import Commands, Ended
from support.readers import unreadable
from support.victims import Home, Victim

#: How folders end in which a command has committed what belongs together.
COMMITTED = ".committed"


@dataclass(frozen=True, kw_only=True)
class Known:
    """What a command does when nobody kills it.

    Args:
        before: checksums of all files, by name.
        after: likewise.
        ended: how it ended.
        sizes: bytes of the files that it has written.
    """

    before: dict[str, str]
    after: dict[str, str]
    ended: Ended
    sizes: list[int]

    @property
    def written(self) -> set[str]:
        """The files that it makes, or changes."""
        return {name for name in self.before | self.after if self.before.get(name) != self.after.get(name)}


#: Victims whose folders fill while they run: what is in there is judged by the readers, and by going on.
FITS = ("fit", "overwrite", "resume", "embed")


def broken(home: Home, victim: Victim, expected: Known) -> list[str]:
    """What is neither old nor new among the files that a command writes, or is both."""
    found = {name: sum_ for name, sum_ in home.files().items() if name in expected.after or not hidden(name)}
    faults = [f"{name} is neither old nor new" for name, sum_ in found.items()
              if sum_ not in (expected.before.get(name), expected.after.get(name))]  # fmt: skip
    old = [name for name in expected.written if found.get(name) == expected.before.get(name)]
    if any(name.split("/")[-2].endswith(COMMITTED) for name in home.files() if "/" in name):
        return faults  # one rename has made all of them new, and the next command puts them in their places
    new = [name for name in expected.written - {*victim.ahead} if found.get(name) == expected.after.get(name)]
    return [*faults, f"old {sorted(old)} beside new {sorted(new)}"] if old and new else faults


def unfinished(home: Home, victim: Victim) -> list[str]:
    """What no reader opens, under a final name."""
    return [f"{path.relative_to(home.path)} does not open: {why}" for path, why in unreadable(home.path)]


def mended(run: Commands, home: Home, victim: Victim, expected: Known) -> list[str]:
    """What the next command of its kind leaves."""
    if victim.refuses_existing and whole(home, expected):
        for name in expected.written:
            (home.path / name).unlink()
        home.prune()
    ended = run(*victim.again, folder=home.path)
    if ended.code != victim.code:
        return [f"the next one ended with {ended.code}: {ended.err[-300:]}"]
    found = home.files()
    return [f"after the next one {name} is {'left' if name not in expected.after else 'another'}"
            for name in sorted(found | expected.after) if found.get(name) != expected.after.get(name)]  # fmt: skip


def whole(home: Home, expected: Known) -> bool:
    """Whether all that a command writes is there."""
    found = home.files()
    return all(found.get(name) == expected.after.get(name) for name in expected.written)


def hidden(name: str) -> bool:
    """Whether a name, or a folder above it, begins with a dot."""
    return any(part.startswith(".") for part in name.split("/"))


def known(run: Commands, home: Home, victim: Victim) -> Known:
    """Run a command that nobody stops, and tell what it does."""
    home.restore(victim)
    before = home.files()
    ended = run(*victim.words, folder=home.path)
    assert ended.code == victim.code, ended
    after = home.files()
    sizes = [(home.path / name).stat().st_size for name in after if after[name] != before.get(name)]
    return Known(before=before, after=after, ended=ended, sizes=sizes)
