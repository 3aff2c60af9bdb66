"""Markup from shoppers, web processes and SAP in a real Chromium: it is text, and nothing runs."""

from __future__ import annotations

import json
from typing import Any

RUN = "window.ran=(window.ran||0)+1"
MARKUP = (
    f'"><img src=x onerror="{RUN}"><svg onload="{RUN}"><script>{RUN}</script>'
    f'<a href="javascript:{RUN}">x</a>${{{RUN}}}{{{{{RUN}}}}}</textarea></script><!--'
)
ADDRESS = "marked.first@marked-host.example"
LIVE = "document.querySelector('#link').textContent === 'live'"


def test_markup_from_anywhere_is_text(house: Any, page: Any) -> None:
    """In a name, the name of a trait, an id and SAP's text: on the page, in letters and trace."""
    page.open(house.url)
    page.unlock()
    page.wait(LIVE)
    house.fault({"kind": "status", "status": 400, "code": MARKUP, "message": MARKUP, "on": "odata"})
    traits = {"lastName": MARKUP, MARKUP: MARKUP, "nested": {MARKUP: [MARKUP]}}
    house.log_in(ADDRESS, firstName=MARKUP, **traits)
    house.wait(lambda told: told["customers"]["dead"] == 1, "it is a dead letter")
    page.wait("document.querySelector('#dead-count').textContent === '1'")
    page.click("[data-code] button[aria-expanded=false]")
    page.click("[data-letter] summary")
    page.wait("document.querySelectorAll('#trace > *').length", "the trace has it")
    page.run("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    assert page.run("window.ran") is None
    strange = "img[src=x], svg[onload], script:not([src]), a[href^=javascript], [onerror], textarea"
    assert page.run(f"document.querySelectorAll({json.dumps(strange)}).length") == 0
    wrong = [one for one in page.troubles() if "401" not in json.dumps(one)]
    assert wrong == []
    assert all(one.startswith((house.url, "blob:")) for one in page.asked())


def test_nothing_of_another_place_runs_on_the_page(house: Any, page: Any) -> None:
    """Even what would get into the page: its policy lets no script of it run, nor load."""
    page.open(house.url)
    page.wait("document.querySelector('#ask-key').open")
    inject = f"""(() => {{
        const one = document.createElement('div');
        one.innerHTML = {json.dumps(MARKUP)};
        document.body.append(one);
        const script = document.createElement('script');
        script.textContent = {json.dumps(RUN)};
        document.body.append(script);
        const frame = document.createElement('iframe');
        frame.srcdoc = '<script>parent.ran = 1</script>';
        document.body.append(frame);
        return fetch('https://127.0.0.1:9/').then(() => 'sent', () => 'refused');
    }})()"""
    assert page.run(inject) == "refused"
    assert page.run("window.ran") is None
