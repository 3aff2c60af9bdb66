"""Why an exchange was not captured: what each reason means, and what a developer can do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

#: reason -> what it means, and what a developer can do
REASONS: Final[Mapping[str, tuple[str, str]]] = {
    "status": (
        "the answer's status is none that this rule takes for a success",
        "if it is one, name it: when = [200, 204]",
    ),
    "no_json": (
        "the answer is a page, which is what a form looks like when it is shown again",
        'if a page is this app\'s success, name what shows it: when = { cookie = "session" }',
    ),
    "unreadable": (
        "the answer's JSON cannot be read: malformed, incomplete or over 64 KiB",
        'if the status is enough, say so: when = "2xx", with traits from the request',
    ),
    "unreadable_encoding": (
        "the answer is compressed in a way that this process cannot undo",
        "install brotli or zstandard beside the app, or add the middleware inside the compression",
    ),
    "error_in_answer": (
        "the answer says that it failed, or that something more is needed, such as a second factor",
        "if it does not mean that, name what shows success: when = { json = { ok = true } }",
    ),
    "condition": (
        "the status fits, but not everything that the rule's `when` names is there",
        "compare the answer with the rule's `when`",
    ),
    "redirected_back": (
        "the redirect leads back to the form, to another login step, or names an error",
        'if it is the success, say so: when = [302], or when = { cookie = "session" }',
    ),
    "sent_elsewhere": (
        "the redirect asks another host to log the shopper in; the login ends at the callback",
        "give the callback's route a rule",
    ),
    "not_a_form": (
        "the answer is a redirect, but no form was posted",
        'if it is the success, say so: when = "redirect"',
    ),
    "no_callback": (
        "the redirect answers a GET that brought no code or token back, or that brought an error",
        'if it is the success, say so: when = "redirect"',
    ),
    "other_grant": (
        "a token was renewed, or given to a machine: nobody logged in",
        "nothing needs to be done",
    ),
    "anonymous": (
        "it was a success, but no e-mail address of the shopper was found",
        'name where it stands: traits.email = "response.json.…", or call frontdesk.add_traits()',
    ),
    "no_sign": (
        "nothing but the request names the shopper, and the answer shows no success",
        'if the status is enough, say so: when = "2xx"',
    ),
    "known": (
        "a GET came back to somebody whom its own cookies name already: nobody logged in",
        "nothing needs to be done",
    ),
    "no_consent": (
        "the consent that is required was not given",
        "see [capture.consent], or the consent of the rule",
    ),
    "vetoed": ("a handler of the app called frontdesk.veto()", "nothing needs to be done"),
    "stream": ("the answer is a stream of events, which identifies nobody", "name another route"),
    "unfinished": (
        "the answer was never complete: the app failed, or the shopper went away",
        "see the app's own log",
    ),
    "told": ("another part of frontdesk, such as its Django app, has told of it", ""),
    "other_operation": (
        "the request selects no GraphQL field that a rule names",
        "give a rule with operation = …",
    ),
}
