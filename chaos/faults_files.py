"""What happens to the store's disk and file, and to the journal."""

from __future__ import annotations

import fcntl
import os
import random
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from chaos.faults import Scene, fault
from chaos.settings import JOURNAL_REVIEW_S
from chaos.town import Town
from frontdesk.journal import LIMIT_BYTES, SUFFIX

_RELOGIN_S: Final = 30.0
#: A user and a group that the sidecar is not.
_FOREIGN: Final = 1


def _needs_disk(town: Town) -> str | None:
    return None if town.has_disk else "needs root, to mount a small disk for the store"


def _needs_users(town: Town) -> str | None:
    return (
        None
        if town.is_divided
        else "needs root and setpriv, to run the sidecar with less power than the web app"
    )


@fault("disk", needs=_needs_disk)
def disk_full(scene: Scene) -> Iterator[None]:
    """Somebody else filled the store's disk; later it is freed."""
    filler = scene.town.store / "filler"
    try:
        with suppress(OSError), filler.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(65_536))
        with suppress(OSError), filler.open("ab", buffering=0) as file:
            while file.write(bytes(512)):
                pass
        yield
    finally:
        filler.unlink(missing_ok=True)


@fault("disk", needs=_needs_users)
def store_closed(scene: Scene) -> Iterator[None]:
    """The store's directory is somebody else's for a while."""
    os.chown(scene.town.store, _FOREIGN, _FOREIGN)
    try:
        yield
    finally:
        scene.town.own()


@fault("sidecar", "disk", "crowd", "journal")
def store_damaged(scene: Scene) -> Iterator[None]:
    """The sidecar is down, and a file of its store is damaged. What was answered so far may be lost
    with it; everybody logs in anew, and that must hold."""
    gently = scene.chance.random() < 0.5  # then everything is in the file, and no log beside it
    with scene.crowd.paused(), scene.town.keeper.down(gently=gently):
        damage = scene.chance.choice(_DAMAGES)
        file = scene.town.store / scene.chance.choice(("frontdesk.db", "frontdesk.db-wal"))
        if file.exists():
            scene.town.say(f"{damage.__name__} {file.name}, {file.stat().st_size} bytes")
            damage(file, scene.chance)
        scene.judge.take(scene.town.sap.commits(scene.judge.seen))
        scene.judge.forgive()
        scene.book.void()
    scene.crowd.everybody(patience_s=_RELOGIN_S)
    yield


def _cut(file: Path, chance: random.Random) -> None:
    os.truncate(file, chance.randrange(file.stat().st_size + 1))


def _overwrite(file: Path, chance: random.Random) -> None:
    size = file.stat().st_size
    with file.open("r+b") as raw:
        for _ in range(chance.randint(1, 8)):
            raw.seek(chance.randrange(max(1, size - 4096)))
            raw.write(chance.randbytes(min(size, chance.choice((1, 16, 512, 4096)))))


def _remove(file: Path, chance: random.Random) -> None:
    file.unlink()


_DAMAGES = (_cut, _overwrite, _overwrite, _remove)


@fault("journal")
def journal_segments_closed(scene: Scene) -> Iterator[None]:
    """chmod 000 of the segments there are; their writers have them open and go on."""
    segments = list(scene.town.journal.glob(f"*{SUFFIX}"))
    for segment in segments:
        with suppress(FileNotFoundError):
            segment.chmod(0)
    try:
        yield
    finally:
        for segment in segments:
            with suppress(FileNotFoundError):
                segment.chmod(0o640)


@fault("journal", needs=_needs_users)
def journal_segments_foreign(scene: Scene) -> Iterator[None]:
    """The segments belong to a user and a group that the sidecar is not."""
    segments = list(scene.town.journal.glob(f"*{SUFFIX}"))
    group = scene.town.journal.stat().st_gid
    for segment in segments:
        with suppress(FileNotFoundError):
            os.chown(segment, _FOREIGN, _FOREIGN)
    try:
        yield
    finally:
        for segment in segments:
            with suppress(FileNotFoundError):
                os.chown(segment, 0, group)


@fault("journal", needs=_needs_users)
def journal_closed(scene: Scene) -> Iterator[None]:
    """chmod 000 of the journal's directory: the sidecar cannot list it."""
    scene.town.journal.chmod(0o2000)  # without the set-group-id bit new segments would be root's
    try:
        yield
    finally:
        scene.town.own()


@fault("journal")
def journal_full(scene: Scene) -> Iterator[None]:
    """The journal is at its limit, nobody empties it: what comes is counted, not kept."""
    segment = scene.town.journal / f"0-full{SUFFIX}"
    scene.book.excuses = True
    with segment.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # as a live writer's: the sidecar leaves it there
        file.truncate(2 * LIMIT_BYTES)  # a hole counts by its length
        try:
            yield
        finally:
            segment.unlink()
            scene.stop.wait(JOURNAL_REVIEW_S)
            scene.book.excuses = False


@fault("litter")
def journal_littered(scene: Scene) -> Iterator[None]:
    """Things that are no segments, and segments with lines that are no messages."""
    place, number = scene.town.journal, scene.chance.randrange(1 << 20)
    lines = [b"", b"{", b'{"type":"identify"}', b"\xff\xfe\x00", b"[" * 5000, b"x" * 200_000]
    scene.chance.shuffle(lines)
    (place / f"{number}-litter{SUFFIX}").write_bytes(b"\n".join(lines) + b'\n{"type":"ident')
    odd = [place / f"{number}-{kind}{SUFFIX}" for kind in ("directory", "fifo", "link")]
    odd[0].mkdir()
    os.mkfifo(odd[1])
    odd[2].symlink_to("/etc/passwd")
    yield
    odd[0].rmdir()
    for path in odd[1:]:
        path.unlink(missing_ok=True)
