"""What SAP, its proxy, its firewall and its operators do."""

from __future__ import annotations

import secrets
import signal
from collections.abc import Iterator
from typing import Any

from chaos.faults import Scene, fault
from chaos.settings import COOLDOWN_S, FROZEN_S, SLOWEST_S

HTML = "<html><head><title>Sorry</title></head><body>Down for maintenance</body></html>"
#: Refused by then are enough different customers to see that it is not the customers.
CROWD = 45


def _some(scene: Scene, document: dict[str, Any]) -> dict[str, Any]:
    """The fault, for all requests or for a part of them."""
    part = scene.chance.choice((1.0, 0.6, 0.3))
    if part == 1.0:
        return document
    return {**document, "probability": part, "seed": scene.chance.randrange(1 << 30)}


@fault("sap")
def sap_down(scene: Scene) -> Iterator[None]:
    """No connection gets an answer, neither for tokens nor for data."""
    with scene.town.sap.faulty({"kind": "drop", "on": "all"}):
        yield


@fault("sap")
def sap_slow(scene: Scene) -> Iterator[None]:
    """It takes its time, before or after it has applied the write; longer than we wait."""
    seconds = SLOWEST_S * (0.1 + 0.9 * scene.chance.random())
    when = scene.chance.choice(("before", "after"))
    slow = {"kind": "latency", "seconds": round(seconds, 3), "when": when}
    with scene.town.sap.faulty(_some(scene, slow)):
        yield


@fault("sap")
def sap_frozen(scene: Scene) -> Iterator[None]:
    """Its process stands still for a moment, then goes on with what came in meanwhile."""
    sap = scene.town.parts["sap"]
    sap.signal(signal.SIGSTOP)
    scene.stop.wait(FROZEN_S)
    sap.signal(signal.SIGCONT)
    yield


@fault("sap")
def sap_500_after(scene: Scene) -> Iterator[None]:
    """It applies the write, and answers that it failed."""
    with scene.town.sap.faulty(_some(scene, {"kind": "status", "status": 500, "when": "after"})):
        yield


@fault("sap")
def sap_500_before(scene: Scene) -> Iterator[None]:
    """It applies nothing, and says so in OData's words."""
    failure = {"kind": "status", "status": 500, "code": "internal_error"}
    with scene.town.sap.faulty(_some(scene, failure)):
        yield


@fault("sap")
def sap_drop_before(scene: Scene) -> Iterator[None]:
    """The connection breaks before the write."""
    with scene.town.sap.faulty(_some(scene, {"kind": "drop"})):
        yield


@fault("sap")
def sap_drop_after(scene: Scene) -> Iterator[None]:
    """The connection breaks after the write."""
    with scene.town.sap.faulty(_some(scene, {"kind": "drop", "when": "after"})):
        yield


@fault("sap")
def sap_throttles(scene: Scene) -> Iterator[None]:
    """The firewall: 429 until it was left in peace, each request starts the wait anew."""
    threshold = scene.chance.randint(2, 12)
    with scene.town.sap.faulty(
        {"kind": "throttle", "threshold": threshold, "cooldown": COOLDOWN_S}
    ):
        yield


@fault("sap")
def sap_html_503(scene: Scene) -> Iterator[None]:
    """The proxy's page for people."""
    page = {"kind": "status", "status": 503, "body": HTML, "contentType": "text/html"}
    with scene.town.sap.faulty(_some(scene, page)):
        yield


@fault("sap")
def sap_html_200(scene: Scene) -> Iterator[None]:
    """The maintenance page, with the status of success; nothing was applied."""
    page = {"kind": "status", "status": 200, "body": HTML, "contentType": "text/html"}
    with scene.town.sap.faulty(_some(scene, page)):
        yield


@fault("sap")
def sap_busy(scene: Scene) -> Iterator[None]:
    """503, and when to come again."""
    busy = {"kind": "status", "status": 503, "headers": {"retry-after": "1"}}
    with scene.town.sap.faulty(_some(scene, busy)):
        yield


@fault("sap")
def sap_gateway_gives_up(scene: Scene) -> Iterator[None]:
    """The gateway answers 502 or 504 for what SAP applies all the same."""
    status, when = scene.chance.choice((502, 504)), scene.chance.choice(("before", "after"))
    page = {"kind": "status", "status": status, "when": when, "body": HTML}
    with scene.town.sap.faulty(_some(scene, {**page, "contentType": "text/html"})):
        yield


@fault("sap")
def sap_redirects(scene: Scene) -> Iterator[None]:
    """302 to a login page."""
    away = {"kind": "status", "status": 302, "body": HTML, "contentType": "text/html"}
    headers = {"location": f"{scene.town.sap_url}/_sim/customers"}
    with scene.town.sap.faulty(_some(scene, {**away, "headers": headers})):
        yield


@fault("sap")
def sap_forbids(scene: Scene) -> Iterator[None]:
    """403 for all: somebody took the user's group away."""
    with scene.town.sap.faulty({"kind": "status", "status": 403}):
        yield


@fault("sap")
def sap_redeployed(scene: Scene) -> Iterator[None]:
    """404 for all: a deployment without the integration object."""
    with scene.town.sap.faulty({"kind": "status", "status": 404}):
        yield


@fault("sap", "crowd")
def sap_mapping_broken(scene: Scene) -> Iterator[None]:
    """400 for every record: it is the mapping, not the customers."""
    refusal = {"kind": "status", "status": 400, "code": "invalid_property", "parts": True}
    with scene.town.sap.faulty({**refusal, "message": "The property [x] is unknown."}):
        scene.crowd.rush(CROWD)
        yield


@fault("sap", "token")
def token_endpoint_down(scene: Scene) -> Iterator[None]:
    """No new token, and those there were are revoked."""
    document = {"kind": "status", "status": scene.chance.choice((500, 503, 401)), "on": "token"}
    with scene.town.sap.faulty(document):
        scene.town.sap.revoke_tokens()
        yield


@fault("token")
def tokens_revoked(scene: Scene) -> Iterator[None]:
    """All tokens are revoked, a few times."""
    for _ in range(scene.chance.randint(1, 4)):
        scene.town.sap.revoke_tokens()
        scene.pause(0.3)
    yield


@fault("token")
def secret_rotated(scene: Scene) -> Iterator[None]:
    """The secret is changed; the file follows some seconds later."""
    # Not from the seed: it is no part of what happens, and should not look like a real one.
    secret = f"secret-{secrets.token_hex(4)}"
    scene.town.sap.change_secret(secret)
    scene.town.sap.revoke_tokens()
    yield
    _write_secret(scene, secret + "\n")


@fault("token")
def secret_missing(scene: Scene) -> Iterator[None]:
    """The secret's file is away while a new token is needed."""
    secret = scene.town.secret.read_text()
    scene.town.secret.unlink()
    scene.town.sap.revoke_tokens()
    yield
    _write_secret(scene, secret)


def _write_secret(scene: Scene, secret: str) -> None:
    """As Kubernetes does: at once."""
    new = scene.town.directory / "client_secret.new"
    new.write_text(secret)
    new.replace(scene.town.secret)
    scene.town.own()


@fault("poison")
def poison_cured(scene: Scene) -> Iterator[None]:
    """SAP takes a refused customer's record again; from the next login on nothing is excused."""
    yield
    for one in list(scene.book.customers.values()):
        if one.is_poisoned:
            scene.town.sap.cure(one.email)
            if scene.crowd.log_in(one, way=0):
                one.is_poisoned = False
            return


@fault("poison")
def poison(scene: Scene) -> Iterator[None]:
    """SAP refuses one customer's record from now on; the customer goes on logging in."""
    known = [one for one in scene.book.obliged() if not one.is_poisoned]
    if known and len(scene.book.poisoned()) < 3:
        victim = scene.chance.choice(known)
        with victim.lock:
            victim.is_poisoned = True
        scene.town.sap.poison(victim.email, scene.chance.choice(("missing_key", "invalid_value")))
        scene.crowd.log_in(victim, way=0)
    yield
