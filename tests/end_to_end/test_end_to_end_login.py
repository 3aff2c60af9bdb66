"""Shoppers of a real storefront, through HTTP, into the simulated SAP."""

from __future__ import annotations

import time
from typing import Any

import httpx

from frontdesk_sidecar.demo.shoppers import Browser, Shopper
from frontdesk_sidecar.demo.stack import Stack

ARRIVAL_S = 20.0
PASSWORDS = ("form-password-marked-4711", "json-password-marked-4712", "wrong-password-marked-4713")
ANA = Shopper("Ana", "Ñúñez-O'Brien", "Ana.Nunez+shop@example.com", PASSWORDS[0])
BO = Shopper("Bo", "Li", "bo@example.org", PASSWORDS[1])


def customers(stack: Stack) -> dict[str, dict[str, Any]]:
    """The simulated SAP's customers by uid."""
    answer = httpx.get(f"{stack.sap_url}/_sim/customers", trust_env=False).json()
    return {customer["uid"]: customer for customer in answer}


def wait_for(stack: Stack, uids: set[str]) -> dict[str, dict[str, Any]]:
    """Wait until SAP has exactly these customers."""
    deadline = time.monotonic() + ARRIVAL_S
    while (found := customers(stack)).keys() != uids:
        assert time.monotonic() < deadline, (sorted(found), stack.parts["sidecar"].tail())
        time.sleep(0.02)
    return found


def wait_until_settled(stack: Stack) -> None:
    """Wait until the journal was read and nothing is left to deliver."""
    deadline = time.monotonic() + ARRIVAL_S
    unsettled = {"x"}
    while unsettled:
        assert time.monotonic() < deadline, unsettled
        text = httpx.get(f"{stack.sidecar_url}/metrics", trust_env=False).text
        lines = [line for line in text.splitlines() if not line.startswith("#")]
        watched = ("frontdesk_journal_lag", 'state="pending"', 'state="leased"')
        unsettled = {
            line for line in lines if any(w in line for w in watched) and not line.endswith(" 0.0")
        }
        time.sleep(0.02)


def test_shoppers_reach_sap_and_nobody_else_does() -> None:
    """Form and JSON, two web workers: exactly the customers, with their traits; no secret."""
    with Stack(shop_workers=2) as stack:
        with Browser(stack.shop_url) as browser:
            browser.look_around()
            assert browser.register_by_form(ANA).status_code == 303
        with Browser(stack.shop_url) as browser:
            assert browser.register_by_api(BO).status_code == 201
            token = browser.log_in_by_api(BO).json()["token"]
            assert browser.register_by_api(BO).status_code == 409
            assert browser.log_in_by_api(BO, PASSWORDS[2]).status_code == 401
        with Browser(stack.shop_url) as browser:
            assert browser.log_in_by_form(ANA, PASSWORDS[2]).status_code == 401
            assert browser.log_in_by_form(ANA).status_code == 303
            nobody = Shopper("No", "Body", "nobody@example.com", PASSWORDS[2])
            assert browser.log_in_by_api(nobody).status_code == 401
            browser.look_around()

        found = wait_for(stack, {"ana.nunez+shop@example.com", "bo@example.org"})
        wait_until_settled(stack)

        ana, bo = found["ana.nunez+shop@example.com"], found["bo@example.org"]
        assert (ana["name"], ana["firstName"], ana["lastName"]) == (
            "Ana Ñúñez-O'Brien",
            "Ana",
            "Ñúñez-O'Brien",
        )
        assert ana["contactEmail"] == "ana.nunez+shop@example.com"
        assert (bo["name"], bo["firstName"], bo["lastName"]) == ("Bo Li", "Bo", "Li")
        _assert_nothing_leaked(stack, (*PASSWORDS, token))


def _assert_nothing_leaked(stack: Stack, secrets: tuple[str, ...]) -> None:
    """Journal, store, logs, metrics and SAP hold no password, token or session cookie."""
    kept = [path for path in stack.directory.rglob("*") if path.is_file()]
    # The storefront's own database knows hashes of them, which is its business.
    kept = [path for path in kept if "shop" not in path.relative_to(stack.directory).parts]
    texts = {path.name: path.read_bytes() for path in kept}
    texts["metrics"] = httpx.get(f"{stack.sidecar_url}/metrics", trust_env=False).content
    for page in ("customers", "requests"):
        texts[page] = httpx.get(f"{stack.sap_url}/_sim/{page}", trust_env=False).content
    assert {"sidecar.log", "shop.log", "frontdesk.db"} <= texts.keys()
    for secret in secrets:
        assert [name for name, text in texts.items() if secret.encode() in text] == []
    # Traits belong into journal, store and SAP; the logs and metrics have none.
    for name in ("sidecar.log", "shop.log", "metrics"):
        for trait in (b"Nunez", b"nunez", b"N\xc3\xba\xc3\xb1ez", b"bo@example.org"):
            assert trait not in texts[name], name
