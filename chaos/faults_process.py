"""What happens to processes and to their clock."""

from __future__ import annotations

import signal
from collections.abc import Iterator

from chaos.faults import Scene, fault


@fault("web")
def web_killed(scene: Scene) -> Iterator[None]:
    """kill -9 of web workers, one or all, a few times; gunicorn starts others."""
    for _ in range(scene.chance.randint(1, 3)):
        pids = scene.town.web_workers()
        scene.town.signal_workers(signal.SIGKILL, pids[: scene.chance.randint(1, 2)])
        scene.pause(0.4)
    yield


@fault("web")
def web_stopped(scene: Scene) -> Iterator[None]:
    """SIGSTOP of a web worker, in the middle of whatever it does."""
    pids = scene.town.web_workers()[:1]
    scene.town.signal_workers(signal.SIGSTOP, pids)
    try:
        scene.pause(1.5)
        yield
    finally:
        scene.town.signal_workers(signal.SIGCONT, pids)


@fault("web")
def web_reloaded(scene: Scene) -> Iterator[None]:
    """A deployment: gunicorn's SIGHUP lets the workers finish and starts others."""
    scene.town.signal_workers(signal.SIGHUP, [scene.town.parts["web"].pid])
    yield


@fault("sidecar")
def sidecar_killed(scene: Scene) -> Iterator[None]:
    """kill -9 of the sidecar at any instant, some time before it is up again."""
    for _ in range(scene.chance.randint(1, 3)):
        scene.town.keeper.kill()
        scene.pause(1.2)
    yield


@fault("sidecar")
def sidecar_ended(scene: Scene) -> Iterator[None]:
    """SIGTERM, as for a new version."""
    scene.town.keeper.end()
    yield


@fault("sidecar")
def sidecar_absent(scene: Scene) -> Iterator[None]:
    """Killed, and not there for a while."""
    with scene.town.keeper.down():
        yield


@fault("sidecar")
def sidecar_stopped(scene: Scene) -> Iterator[None]:
    """SIGSTOP of the sidecar, in the middle of whatever it does."""
    with scene.town.keeper.stopped():
        yield


@fault("sidecar", "web")
def both_killed(scene: Scene) -> Iterator[None]:
    """kill -9 of all web workers and of the sidecar at once."""
    scene.town.signal_workers(signal.SIGKILL, scene.town.web_workers())
    scene.town.keeper.kill()
    yield


def _jump(scene: Scene) -> float:
    # Below `forward.resync_s`, a week: beyond it everybody would be sent again, and rightly so.
    return float(scene.chance.choice((2, 60, 3600, 3 * 86_400)))


@fault("clock")
def clock_forward(scene: Scene) -> Iterator[None]:
    """The machine's clock is ahead for a while, then right again."""
    ahead = _jump(scene)
    scene.town.set_clocks(ahead, ahead)
    try:
        yield
    finally:
        scene.town.set_clocks(0.0, 0.0)


@fault("clock")
def clock_back(scene: Scene) -> Iterator[None]:
    """The machine's clock is behind for a while, then right again."""
    behind = -_jump(scene)
    scene.town.set_clocks(behind, behind)
    try:
        yield
    finally:
        scene.town.set_clocks(0.0, 0.0)


@fault("clock")
def clock_apart(scene: Scene) -> Iterator[None]:
    """The sidecar's clock is behind that of the web workers, on another machine."""
    scene.town.set_clocks(-_jump(scene), 0.0)
    try:
        yield
    finally:
        scene.town.set_clocks(0.0, 0.0)
