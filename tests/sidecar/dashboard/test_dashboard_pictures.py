"""The pictures of docs/dashboard.md: UPDATE_SCREENSHOTS=1 takes them anew."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

PLACE = Path(__file__).parents[3] / "docs" / "screenshots"
NAMES = (
    *("fine-light", "fine-phone-dark", "down-light", "paused-dark", "paused-phone-light"),
    *("dead-light", "trace-light"),
)


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_is_there_and_small(name: str) -> None:
    """They are in the repository."""
    path = PLACE / f"{name}.png"
    assert 5_000 < path.stat().st_size < 150_000


@pytest.mark.skipif(not os.environ.get("UPDATE_SCREENSHOTS"), reason="they are taken on demand")
def test_take_the_pictures(own_house: Any, page: Any) -> None:
    """A minute of logins, refusals, a SAP that is down, then a secret that it does not know."""
    PLACE.mkdir(exist_ok=True)
    house = own_house
    page.enter(house)
    end, number = time.monotonic() + 55, 0
    while time.monotonic() < end:
        number += 1
        person = number % 90  # most have been here before
        house.log_in(f"{'abcdefghij'[person % 10]}{person}@example.com", name=f"Shopper {person}")
        time.sleep(0.15 + 0.3 * ((number // 25) % 3))
        page.run("0")  # hear what the browser tells
    shoot(page, "fine-light", 1100, 1000, "light")
    shoot(page, "fine-phone-dark", 390, 1150, "dark")
    house.refuse("j.doe@example.org", "Attribute 'name' is not allowed here")
    house.refuse("k.doe@example.org", "Attribute 'name' is not allowed here")
    house.fault()
    page.look(1100, 700)
    page.click("[data-code] button")
    page.click("[data-letter] summary")
    page.wait("document.querySelector('#dead-count').textContent === '2'")
    shoot(page, "dead-light", 1100, 520, "light", "#dead-title")
    page.click("#trace li summary")
    page.click("#hold")
    shoot(page, "trace-light", 1100, 620, "light", "#trace-title")
    page.click("#hold")
    house.fault({"kind": "status", "status": 503, "on": "odata"})
    log_in_many(house, "m")
    page.wait("document.querySelector('#pill').textContent === 'waiting'")
    shoot(page, "down-light", 1100, 720, "light")
    house.fault({"kind": "status", "status": 401, "on": "all"})
    log_in_many(house, "n")
    house.wait(lambda told: told["state"] == "paused", "nothing is sent")
    page.wait("document.querySelector('#pill').textContent === 'paused'")
    shoot(page, "paused-dark", 1100, 820, "dark")
    shoot(page, "paused-phone-light", 390, 1150, "light")


def log_in_many(house: Any, letter: str) -> None:
    """Who was not here before."""
    for person in range(100, 112):
        house.log_in(f"{letter}{person}@example.com")


def shoot(page: Any, name: str, width: int, height: int, scheme: str, at: str = "body") -> None:
    """Of the page from the element on."""
    page.look(width, height, scheme)
    page.run(f"document.querySelector('{at}').scrollIntoView({{behavior: 'instant'}})")
    if at != "body":
        page.run("scrollBy({top: -60, behavior: 'instant'})")
    page.run("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    page.shoot(PLACE / f"{name}.png")
