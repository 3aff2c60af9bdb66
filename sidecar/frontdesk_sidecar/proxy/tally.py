"""What the proxy counts and logs: numbers, causes and rules' routes, nothing about a person.

No address, query, header or path stands in any line; a route is named only if a rule names it.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from frontdesk_sidecar.logs.speaking import Voice
from frontdesk_sidecar.proxy.trouble import Cause

_access: Final = Voice("frontdesk.proxy.access")
#: Any other is a client's own word, and not for the log.
_METHODS: Final = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
#: Upper ends, in seconds, of how long an answer's head took.
BUCKETS: Final = (0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0)


@dataclass(slots=True)
class Passage:
    """One request on its way through, as far as it may be told."""

    method: str
    route: str = "-"
    status: int = 0
    sent: int = 0
    received: int = 0
    began: float = 0.0
    head_s: float | None = None


@dataclass
class Tally:
    """The counters of one worker."""

    logs_access: bool = False
    clock: Callable[[], float] = time.monotonic
    answers: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    buckets: Counter[float] = field(default_factory=Counter)
    head_s: float = 0.0
    under_way: int = 0
    tunnels: int = 0
    left: int = 0
    answered_at: float | None = None
    failed_at: float | None = None
    _log: Voice = field(init=False)

    def __post_init__(self) -> None:
        self._log = Voice("frontdesk.proxy", lambda: self.clock())

    def head_came(self, passage: Passage) -> None:
        """The upstream answered."""
        now = self.clock()
        passage.head_s = took = now - passage.began
        self.answered_at = now
        self.head_s += took
        self.buckets[next((one for one in BUCKETS if took <= one), float("inf"))] += 1

    def failed(self, cause: Cause, *, has_begun: bool = False) -> None:
        """There was no answer, or not all of it; the same is logged once a minute."""
        name = "aborted" if has_begun else cause.name.lower()
        self.failures[name] += 1
        now = self.clock()
        if cause not in (Cause.REFUSED, Cause.CLIENT_SLOW):
            self.failed_at = now
        text = "the answer broke off" if has_begun else cause.text
        self._log.say("not_passed", text, apart=name, cause=name, status=int(cause.status))

    def ended(self, passage: Passage) -> None:
        """A request came to its end, whatever that was."""
        self.answers[f"{passage.status // 100}xx" if passage.status else "none"] += 1
        if self.logs_access:
            head_s = passage.head_s
            _access.say(
                "request",
                method=passage.method if passage.method in _METHODS else "other",
                route=_quoted(passage.route),
                status=passage.status,
                sent=passage.sent,
                received=passage.received,
                head_ms=None if head_s is None else round(head_s * 1e3, 1),
                ms=round((self.clock() - passage.began) * 1e3, 1),
            )

    def client_left(self) -> None:
        """The client went away before the end."""
        self.left += 1

    def status(self) -> dict[str, Any]:
        """For `/status`."""
        now = self.clock()
        return {
            "under_way": self.under_way,
            "tunnels": self.tunnels,
            "answers": dict(self.answers),
            "failures": dict(self.failures),
            "clients_left": self.left,
            "answered_s_ago": _ago(now, self.answered_at),
            "failed_s_ago": _ago(now, self.failed_at),
        }

    def exposition(self, captured: Mapping[str, int], gauges: Mapping[str, int]) -> str:
        """The Prometheus text format, version 0.0.4."""
        lines: list[str] = []
        _family(lines, "requests_total", "Answers, by class of status.", "status", self.answers)
        _family(lines, "failures_total", "No answer, by cause.", "cause", self.failures)
        _family(lines, "capture_total", "What the capture counted.", "reason", captured)
        for name, kind, value in (
            ("clients_left_total", "counter", self.left),
            ("under_way", "gauge", self.under_way),
            ("tunnels", "gauge", self.tunnels),
            *((name, "gauge", value) for name, value in gauges.items()),
        ):
            lines += _head(name, kind, _HELP[name])
            lines.append(f"frontdesk_proxy_{name} {value}")
        return "\n".join([*lines, *self._histogram(), ""])

    def _histogram(self) -> list[str]:
        name, total = "frontdesk_proxy_head_seconds", 0
        lines = _head("head_seconds", "histogram", "Time until the head of the upstream's answer.")
        for end in BUCKETS:
            total += self.buckets[end]
            lines.append(f'{name}_bucket{{le="{end}"}} {total}')
        total += self.buckets[float("inf")]
        lines.append(f'{name}_bucket{{le="+Inf"}} {total}')
        return [*lines, f"{name}_sum {self.head_s:.6f}", f"{name}_count {total}"]


_HELP: Final = {
    "clients_left_total": "Clients that went away before the end.",
    "under_way": "Requests under way.",
    "tunnels": "WebSockets that are open.",
    "connections": "Connections to the upstream in use.",
    "idle_connections": "Connections to the upstream that lie idle.",
}


def _head(name: str, kind: str, text: str) -> list[str]:
    return [
        f"# HELP frontdesk_proxy_{name} {text}",
        f"# TYPE frontdesk_proxy_{name} {kind}",
    ]


def _family(lines: list[str], name: str, text: str, label: str, values: Mapping[str, int]) -> None:
    lines += _head(name, "counter", text)
    for key, value in sorted(values.items()):
        lines.append(f'frontdesk_proxy_{name}{{{label}="{key}"}} {value}')


def _ago(now: float, then: float | None) -> float | None:
    return None if then is None else round(now - then, 1)


def _quoted(route: str) -> str:
    return f'"{route}"' if " " in route else route
