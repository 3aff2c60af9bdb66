"""The page in a real Chromium, by what a person does: look, click, type, read."""

from __future__ import annotations

import json
from typing import Any

import pytest

FIRST, SECOND = "marked.first@marked-host.example", "marked.second@marked-host.example"
LIVE = "document.querySelector('#link').textContent === 'live'"
LETTERS = "document.querySelectorAll('[data-letter]').length"


def entered(page: Any, house: Any) -> None:
    """Open the page and give the key."""
    page.open(house.url)
    page.unlock()
    page.wait(LIVE)


def expand(page: Any) -> None:
    """See the letters of the first reason."""
    page.click("[data-code] button[aria-expanded=false]")
    page.wait(LETTERS)


def test_a_dead_letter_is_looked_at_retried_and_gone(house: Any, page: Any) -> None:
    """What SAP said is there, the customer masked; after the retry SAP has it."""
    house.refuse(FIRST)
    house.refuse(SECOND)
    entered(page, house)
    page.wait("document.querySelector('#dead-count').textContent === '2'")
    expand(page)
    assert page.run(LETTERS) == 2
    page.click("[data-letter] summary")
    assert "the name is not allowed" in page.text()
    assert "m•••@m•••.example" in page.text()
    house.fault()
    page.click("[data-letter] button")
    page.wait(f"{LETTERS} === 1", "it left the list")
    page.wait("document.querySelector('#dead-count').textContent === '1'")
    house.wait(lambda told: told["customers"]["clean"] == 1, "SAP has it")
    page.click("#dead-all button")  # retry all
    page.wait("document.querySelector('#no-dead')", "none is left")
    house.wait(lambda told: told["customers"]["clean"] == 2, "SAP has both")
    page.wait("document.querySelector('#pill').textContent === 'fine'")
    assert "marked" not in page.text().lower().replace(str(house.stack.directory), "")
    wrong = [one for one in page.troubles() if "401" not in json.dumps(one)]
    assert wrong == []
    assert all(one.startswith((house.url, "blob:")) for one in page.asked())


def test_discarding_asks_first(house: Any, page: Any) -> None:
    """`Cancel` and Escape leave everything as it is."""
    house.refuse(FIRST)
    entered(page, house)
    expand(page)
    for leave in ("#confirm [data-close]", None):
        page.click("[data-letter] button.danger")
        page.wait("document.querySelector('#confirm').open")
        if leave:
            page.click(leave)
        else:
            page.press("Escape", 27)
        page.wait("!document.querySelector('#confirm').open")
    assert house.status()["customers"]["dead"] == 1
    page.click("[data-letter] button.danger")
    page.click("#confirm-yes")
    page.wait("document.querySelector('#no-dead')")
    assert house.status()["customers"]["dead"] == 0


def test_a_delivery_is_followed_from_event_to_answer(house: Any, page: Any) -> None:
    """As it happens: event, traits, payload, answer."""
    entered(page, house)
    house.log_in(FIRST, phone="+49 171 4711")
    page.wait("document.querySelector('#trace li')", "it was delivered before our eyes")
    page.click("#trace summary")
    page.wait("document.querySelector('#trace .steps')")
    text = page.run("document.querySelector('#trace li').innerText")
    for part in ("Logged In", "1 · event", "2 · traits", "3 · payload", "4 · answer", "http.201"):
        assert part in text
    assert "phone" in text
    assert "marked" not in text.lower()
    page.click("#failures")
    page.wait("!document.querySelector('#trace li').checkVisibility()")
    house.refuse(SECOND)
    page.wait("document.querySelector('#trace li[data-outcome=rejected]')?.checkVisibility()")
    assert "0 B to read" in page.text()
    assert page.run("document.querySelector('#latency td').textContent") != "–"


def test_paused_by_hand_and_sent_again(house: Any, page: Any) -> None:
    """The picture says where it is stuck, and what to do."""
    entered(page, house)
    page.click("#pause")
    page.click("#confirm-yes")
    page.wait("document.querySelector('#station-sap').dataset.state === 'stuck'")
    page.wait("document.querySelector('#pill').textContent === 'paused'")
    assert "Paused by hand" in page.text()
    house.log_in(FIRST)
    page.wait("document.querySelector('#station-store').textContent.includes('1 waiting')")
    page.click("#pause")
    page.wait("document.querySelector('#station-sap').dataset.state === 'ok'")
    house.wait(lambda told: told["customers"]["clean"] == 1, "it was sent")


def test_a_wrong_secret_says_what_to_do(house: Any, page: Any) -> None:
    """Why, since when, what is to be done."""
    house.fault({"kind": "status", "status": 401, "on": "all"})
    house.log_in(FIRST)
    house.wait(lambda told: told["state"] == "paused", "nothing is sent")
    entered(page, house)
    page.wait("document.querySelector('#headlines').innerText.includes('Paused since')")
    assert "Do: " in page.text()
    assert page.run("document.querySelector('#state').dataset.mood") == "bad"


def test_a_wrong_key_is_asked_for_again(house: Any, page: Any) -> None:
    """And the right one is kept for this tab alone."""
    page.open(house.url)
    page.unlock("nothing")
    page.wait("document.querySelector('#key-error').textContent")
    assert page.run("sessionStorage.length") == 0
    page.unlock()
    page.wait(LIVE)
    assert page.run("document.cookie + Object.keys(localStorage)") == ""
    page.call("Page.reload")
    page.wait(LIVE, "the key is known still")
    page.click("#key")
    page.wait("document.querySelector('#ask-key').open", "the key is forgotten")


def test_without_a_key_there_is_nothing_to_press(open_house: Any, page: Any) -> None:
    """Letters are told by reason, with what would be needed."""
    open_house_refuses(open_house)
    page.open(open_house.url)
    page.wait(LIVE)
    page.wait("document.querySelector('#dead').textContent.includes('set http.key')")
    assert page.run("document.querySelector('#pause').checkVisibility()") is False
    assert page.run("document.querySelectorAll('#dead button').length") == 0
    assert page.troubles() == []


def open_house_refuses(open_house: Any) -> None:
    """One dead letter."""
    open_house.refuse(FIRST)


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_it_fits_and_can_be_used_by_keyboard(house: Any, page: Any, width: int) -> None:
    """Nothing is wider than the screen; the keyboard reaches everything, and everything has a
    name."""
    house.refuse(FIRST)
    page.look(width, 800)
    entered(page, house)
    expand(page)
    assert page.run("document.documentElement.scrollWidth") <= width
    unnamed = page.run(
        """[...document.querySelectorAll('button, input, svg[tabindex]')]
        .filter(one => one.checkVisibility()
            && !(one.getAttribute('aria-label') || one.textContent.trim() || one.labels?.length))
        .length"""
    )
    assert unnamed == 0
    page.run("document.activeElement.blur()")
    reached = set()
    for _ in range(60):
        page.press("Tab", 9)
        reached.add(page.run("document.activeElement.textContent.trim().slice(0, 20)"))
    assert {"Skip to the content", "Pause sending", "Retry all", "Look", "Hold"} - reached <= {
        "Look"
    }
    assert "Close" in reached
    page.run("document.querySelector('.chart svg').focus()")
    page.press("ArrowLeft", 37)
    page.wait("document.querySelector('.chart output').textContent.includes(':')")


def test_what_sap_says_is_text_and_never_markup(house: Any, page: Any) -> None:
    """Whatever is in it."""
    house.refuse(FIRST, "no <img src=x onerror=alert(1)> allowed")
    entered(page, house)
    expand(page)
    assert page.run("document.querySelectorAll('main img').length") == 0
    assert [one for one in page.troubles() if "401" not in json.dumps(one)] == []


def test_who_does_not_look_asks_for_nothing(house: Any, page: Any) -> None:
    """A hidden page lets go of the stream, and takes it up again."""
    entered(page, house)
    script = """(hidden => {
        Object.defineProperty(document, 'hidden', {configurable: true, get: () => hidden});
        document.dispatchEvent(new Event('visibilitychange'));
    })"""
    page.run(f"{script}(true)")
    page.wait("document.querySelector('#link').textContent.startsWith('resting')")
    page.run(f"{script}(false)")
    page.wait(LIVE)
