"""What a running sidecar tells, and the answers of what it is asked, in threads of their own."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from typing import Any, Final

from frontdesk_sidecar.admin.client import Refused
from frontdesk_sidecar.admin.desk import Desk
from frontdesk_sidecar.top.scene import Wish

#: A store that is opened too often might be in the way of a sidecar that starts.
_AGAIN_S: Final = 5.0
_LOOK_S: Final = 0.5


class Feed:
    """Events by name, for `scene.heard`; `wake` is called when there is one, by another thread.

    Beside those of `Desk.events`: `away` with `why`, `refused` with `why`, and the name of an
    operation with its result.
    """

    def __init__(self, desk: Desk, wake: Callable[[], None] = lambda: None) -> None:
        self._desk = desk
        self._wake = wake
        self._events: queue.SimpleQueue[tuple[str, dict[str, Any]]] = queue.SimpleQueue()

    def start(self) -> None:
        """Listen, until the process ends."""
        threading.Thread(target=self._listen, name="feed", daemon=True).start()

    def ask(self, wish: Wish) -> None:
        """Have the sidecar do something; what it says comes as an event."""
        threading.Thread(target=self._ask, args=(wish,), name="ask", daemon=True).start()

    def heard(self, within_s: float = 0.0) -> list[tuple[str, dict[str, Any]]]:
        """What came since the last call; waits so long for the first one."""
        found = []
        try:
            found.append(
                self._events.get(timeout=within_s) if within_s else self._events.get_nowait()
            )
            while True:
                found.append(self._events.get_nowait())
        except queue.Empty:
            return found

    def _tell(self, name: str, document: dict[str, Any]) -> None:
        self._events.put((name, document))
        self._wake()

    def _listen(self) -> None:
        while True:
            why = "the sidecar ended"
            try:
                for name, document in self._desk.events():
                    self._tell(name, document)
                    why = document["why"] if name == "away" else why
            except Refused as error:
                why = str(error)
            except Exception as error:  # noqa: BLE001 - else what was would stay on the screen
                why = f"what the sidecar says cannot be read ({type(error).__name__})"
            self._tell("away", {"why": why})
            self._rest()

    def _rest(self) -> None:
        """Until it is worth asking again."""
        until = time.monotonic() + _AGAIN_S
        while time.monotonic() < until:
            time.sleep(_LOOK_S)
            if self._desk.is_near:
                return

    def _ask(self, wish: Wish) -> None:
        try:
            told = self._desk.call(wish.operation, **wish.arguments)
        except Refused as error:
            self._tell("refused", {"why": str(error)})
        except Exception as error:  # noqa: BLE001 - whoever asked is to hear of it
            self._tell("refused", {"why": type(error).__name__})
        else:
            self._tell(wish.operation, told)
