"""The page in a real Chromium, by what a person does: look, click, type, read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from npm_support import installed

LIVE = "document.querySelector('#link').textContent === 'live'"
LETTERS = "document.querySelectorAll('[data-letter]').length"
NO_LETTERS = "document.querySelector('#no-dead')"
CHECKS = Path(__file__).parent / "node"


def expand(page: Any) -> None:
    """See the letters of the first reason."""
    page.click("[data-code] button[aria-expanded=false]")
    page.wait(LETTERS)


def troubles(page: Any) -> list[dict[str, Any]]:
    """What the browser complains of, but for the key that was not given yet."""
    return [one for one in page.troubles() if "401" not in json.dumps(one)]


def test_a_dead_letter_is_looked_at_retried_and_gone(house: Any, page: Any) -> None:
    """What SAP said is there, the customer masked; after the retry SAP has it."""
    for _ in range(2):
        house.refuse(house.person())
    before = house.settled()
    page.enter(house)
    page.wait("document.querySelector('#dead-count').textContent === '2'")
    page.wait("document.querySelector('#pill').textContent === 'needs a look'")
    page.click("#headlines a")  # from what is the matter to where it is mended
    page.wait("document.querySelector('#dead-title').getBoundingClientRect().top < innerHeight")
    expand(page)
    assert page.run(LETTERS) == 2
    page.click("[data-letter] summary")
    assert "SAP says: the name is not allowed" in page.text()
    assert "m•••@m•••.example" in page.text()
    house.fault()
    page.click("[data-letter] button")
    page.wait(f"{LETTERS} === 1", "it left the list")
    page.wait("document.querySelector('#dead-count').textContent === '1'")
    house.wait(lambda told: told["customers"]["clean"] == before + 1, "SAP has it")
    page.click("#dead-all button")  # retry all
    page.wait(NO_LETTERS, "none is left")
    house.wait(lambda told: told["customers"]["clean"] == before + 2, "SAP has both")
    page.wait("document.querySelector('#pill').textContent === 'fine'")
    assert "marked" not in page.text().lower().replace(str(house.stack.directory), "")
    assert troubles(page) == []
    assert all(one.startswith((house.url, "blob:")) for one in page.asked())


def test_a_reason_is_retried_exported_and_discarded(house: Any, page: Any, tmp_path: Path) -> None:
    """And only what is of that reason; what is exported is masked, what SAP said is in it."""
    for _ in range(2):
        house.refuse(house.person(), "<img src=x onerror=alert(1)> is not allowed")
    page.enter(house)
    page.wait("document.querySelector('[data-code]')")
    assert page.run("document.querySelectorAll('main img').length") == 0
    assert "SAP says: <" in page.text()  # whatever it says is text
    page.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    page.click("[data-code] [aria-label^='Export group']")
    page.wait("document.querySelector('#toast').textContent.includes('2 dead letters exported')")
    page.until(lambda: list(tmp_path.glob("*.ndjson")), "the file is there")
    (exported,) = tmp_path.glob("*.ndjson")
    letters = [json.loads(line) for line in exported.read_text().splitlines()]
    assert {letter["customer"] for letter in letters} == {"m•••@m•••.example"}
    assert all("is not allowed" in letter["text"] for letter in letters)
    page.click("[data-code] [aria-label^='Retry group']")  # SAP refuses the second one again
    page.wait("document.querySelector('#dead-count').textContent === '1'")
    page.click("[data-code] [aria-label^='Discard… group']")
    page.click("#confirm-yes")
    page.wait(NO_LETTERS)
    assert house.status()["customers"]["dead"] == 0
    assert troubles(page) == []


def test_discarding_asks_first(house: Any, page: Any) -> None:
    """`Cancel` and Escape leave everything as it is."""
    house.refuse(house.person())
    page.enter(house)
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
    page.wait(NO_LETTERS)
    assert house.status()["customers"]["dead"] == 0


def test_a_delivery_is_followed_from_event_to_answer(house: Any, page: Any) -> None:
    """As it happens: event, traits, payload, answer; the list holds still when told to."""
    page.enter(house)
    before = page.run("document.querySelectorAll('#trace li').length")
    house.log_in(house.person(), phone="+49 171 4711")
    shown = f"document.querySelectorAll('#trace li').length > {before}"
    page.wait(shown, "it was delivered before our eyes")
    page.click("#trace summary")
    page.wait("document.querySelector('#trace .steps')")
    text = page.run("document.querySelector('#trace li').innerText")
    for part in ("Logged In", "1 · event", "2 · traits", "3 · payload", "4 · answer", "http.201"):
        assert part in text
    assert "phone" in text
    assert "marked" not in text.lower()
    page.click("#hold")
    page.click("#failures")
    page.wait("!document.querySelector('#trace li').checkVisibility()")
    house.refuse(house.person())
    page.wait("document.querySelector('#dead-count').textContent === '1'")
    assert page.run("document.querySelectorAll('#trace li').length") == 1
    page.click("#hold")
    page.wait("document.querySelector('#trace li[data-outcome=rejected]')?.checkVisibility()")


def test_figures_and_charts(house: Any, page: Any) -> None:
    """Rates and what waits at each station, p50, p95 and p99, minutes, an hour and a day; what is
    in force, and no secret.
    """
    page.enter(house)
    page.wait("document.querySelector('#station-sap').textContent.includes('/min')")
    assert "0 B to read" in page.text()
    assert "heard just now" in page.text()
    assert "nobody waits" in page.text()
    cells = "[...document.querySelectorAll('#latency tbody tr')].map(one => one.cells.length)"
    assert page.run(cells) == [5, 5, 5]
    page.wait("/s$/.test(document.querySelector('#latency td').textContent)")
    for value, begins in (("minutes", "5 min ago"), ("hour", "60 min ago"), ("day", "24 h ago")):
        page.run(f"document.querySelector('#range input[value={value}]').click()")
        page.wait(f"document.querySelector('.axis span').textContent === '{begins}'")
        drawn = "document.querySelectorAll('.chart')[1].querySelector('path.ink-fine')"
        page.wait(f"{drawn}.getAttribute('d')", f"what was delivered is drawn, {value}")
    page.run("document.querySelector('.chart svg').focus()")
    page.press("ArrowLeft", 37)
    page.wait("document.querySelector('.chart output').textContent.includes(':')")
    page.click("#configuration summary")
    assert "client_secret\nset, not shown" in page.text()


def test_paused_by_hand_and_sent_again(house: Any, page: Any) -> None:
    """The picture says where it is stuck, and what to do."""
    page.enter(house)
    page.click("#pause")
    page.click("#confirm-yes")
    page.wait("document.querySelector('#station-sap').dataset.state === 'stuck'")
    page.wait("document.querySelector('#station-sap .figure').textContent === 'stopped'")
    page.wait("document.querySelector('#pill').textContent === 'paused'")
    assert "Paused by hand since" in page.text()
    before = house.settled()
    house.log_in(house.person())
    page.wait("document.querySelector('#station-store').textContent.includes('1 waiting')")
    page.click("#pause")
    page.wait("document.querySelector('#station-sap').dataset.state === 'ok'")
    house.wait(lambda told: told["customers"]["clean"] == before + 1, "it was sent")


def test_a_sap_that_is_down(house: Any, page: Any) -> None:
    """Slow, not stuck: why, since when, that nothing is lost, and that it goes on by itself."""
    page.enter(house)
    house.fault({"kind": "status", "status": 503, "on": "odata"})
    for _ in range(8):  # of one alone it could be the customer
        house.log_in(house.person())
    page.wait("document.querySelector('#pill').textContent === 'waiting'")
    page.wait("document.querySelector('#station-sap').dataset.state === 'slow'")
    for told in ("Waiting since", "[http.503]", "Do: ", "Nothing is lost: 8 customers"):
        assert told in page.text()


def test_a_wrong_secret_says_what_to_do(house: Any, page: Any) -> None:
    """Why, since when, what is to be done."""
    house.fault({"kind": "status", "status": 401, "on": "all"})
    house.log_in(house.person())
    house.wait(lambda told: told["state"] == "paused", "nothing is sent")
    page.enter(house)
    page.wait("document.querySelector('#headlines').innerText.includes('Paused since')")
    assert "Do: " in page.text()
    assert page.run("document.querySelector('#state').dataset.mood") == "bad"


def test_a_sidecar_that_is_gone_is_never_shown_as_fine(house: Any, page: Any) -> None:
    """And what is shown is said to be from before; when it is back the page is as it was."""
    page.enter(house)
    page.wait("document.querySelector('#pill').textContent === 'fine'")
    house.stack.parts["sidecar"].stop()
    page.wait("document.querySelector('#pill').textContent === 'no answer'")
    assert page.run("document.querySelector('#state').dataset.mood") == "bad"
    assert page.run("document.title") == "(no answer) frontdesk"
    for told in ("The sidecar does not answer", "What is below is from", "Do: "):
        assert told in page.text()
    house.stack.start_sidecar()
    page.run("document.dispatchEvent(new Event('visibilitychange'))")  # it would try again soon
    # Nothing came since this start: that is no reason to say that all is well.
    page.wait("document.querySelector('#pill').textContent === 'nothing heard'")
    page.wait("document.querySelector('#station-journal').dataset.state === 'quiet'")
    assert "Heard nothing since the start" in page.text()
    assert page.run("'outage' in document.body.dataset") is False
    house.log_in(house.person())
    page.wait("document.querySelector('#pill').textContent === 'fine'")


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


def test_another_sites_page_does_nothing(house: Any, page: Any) -> None:
    """Whatever it sends, from within the same browser; nor may it frame the page."""
    page.open(f"{house.stack.sap_url}/_sim/customers")  # a page of another origin
    send = """Promise.all([
        {mode: 'no-cors', body: '{}'}, {body: '{}', headers: {'content-type': 'application/json'}}
    ].map(one => fetch('%s/admin/pause', {method: 'POST', credentials: 'include', ...one})
        .then(answer => answer.type, error => error.name)))"""
    assert page.run(send % house.url) == ["opaque", "TypeError"]
    page.run(
        f"""new Promise(done => {{ const frame = document.createElement('iframe');
        frame.onload = done; frame.src = '{house.url}/'; document.body.append(frame); }})"""
    )
    assert page.run("document.querySelector('iframe').contentDocument") is None
    assert any("frame-ancestors" in json.dumps(one) for one in page.troubles())
    assert house.status()["state"] == "fine"


def test_without_a_key_there_is_nothing_to_press(open_house: Any, page: Any) -> None:
    """Letters are told by reason, with what would be needed. Of several targets each is shown."""
    open_house.refuse(open_house.person())
    page.open(open_house.url)
    page.wait(LIVE)
    page.wait("document.querySelector('#dead').textContent.includes('set http.key')")
    assert page.run("document.querySelector('#pause').checkVisibility()") is False
    assert page.run("document.querySelectorAll('#dead button').length") == 0
    names = "[...document.querySelectorAll('#targets h3')].map(one => one.textContent).sort()"
    assert page.run(names) == ["default", "outlet"]
    assert page.troubles() == []


def test_the_keyboard_reaches_everything_at_any_width(house: Any, page: Any) -> None:
    """Nothing is wider than the screen, and what has the focus can be seen to have it."""
    house.refuse(house.person(), "a_word_that_has_no_end_" * 12)
    page.look(390, 800)
    page.enter(house)
    expand(page)
    for width in (320, 390, 768, 1440):
        page.look(width, 800)
        assert page.run("document.documentElement.scrollWidth") <= width
    page.run("document.activeElement.blur()")
    reached: dict[str, str] = {}
    while "Show" not in " ".join(reached) and len(reached) < 60:
        page.press("Tab", 9)
        name, outline = page.run(
            """(() => { const one = document.activeElement;
            const name = one.getAttribute('aria-label') ?? one.textContent.trim() ?? one.id;
            return [name.slice(0, 24) || one.id, getComputedStyle(one).outlineStyle]; })()"""
        )
        if name in reached:
            break
        reached[name] = outline
    for name in ("Skip to the content", "Pause sending", "look at them", "Retry all", "Close"):
        assert reached.pop(name) == "solid", name
    assert "Hold" in reached


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_keeps_people_out(
    house: Any, page: Any, scheme: str, pytestconfig: pytest.Config
) -> None:
    """By axe-core: names, roles, contrast and order, with a letter and a delivery open."""
    source = installed(pytestconfig, "dashboard-checks", CHECKS) / "node_modules/axe-core"
    page.look(390, 800, scheme)
    page.enter(house)
    shade = "getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0] < 128"
    assert page.run(shade) is (scheme == "dark")
    house.refuse(house.person())
    expand(page)
    page.click("[data-letter] summary")
    page.click("#trace summary")
    page.click("#configuration summary")
    assert page.axe((source / "axe.min.js").read_text()) == []
    page.click("#pause")
    assert page.axe((source / "axe.min.js").read_text()) == []


def test_who_does_not_look_asks_for_nothing(house: Any, page: Any) -> None:
    """A hidden page lets go of the stream, and takes it up again."""
    page.enter(house)
    script = """(hidden => {
        Object.defineProperty(document, 'hidden', {configurable: true, get: () => hidden});
        document.dispatchEvent(new Event('visibilitychange'));
    })"""
    page.run(f"{script}(true)")
    page.wait("document.querySelector('#link').textContent.startsWith('resting')")
    page.run(f"{script}(false)")
    page.wait(LIVE)
