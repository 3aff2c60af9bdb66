"""What every test shares: how many examples hypothesis tries, what TLS trusts, Ctrl-C.

HYPOTHESIS_EXAMPLES=1000 make test looks further.
"""

import os
import signal
import ssl
from functools import cache
from typing import Any

import httpx
from httpx._transports import default as transports
from hypothesis import settings

settings.register_profile(
    "suite", max_examples=int(os.environ.get("HYPOTHESIS_EXAMPLES", "25")), deadline=None
)
settings.load_profile("suite")

# A shell without job control starts what is in the background with SIGINT ignored, and so would be
# everything that a test starts, to end it as Ctrl-C does.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


# httpx reads all authorities anew for each client, which takes 25 ms of processor time.
_make_context = httpx.create_ssl_context


@cache
def _usual_context(trust_env: bool, *_environment: str | None) -> ssl.SSLContext:
    return _make_context(trust_env=trust_env)


def _context(verify: Any = True, cert: Any = None, trust_env: bool = True) -> ssl.SSLContext:
    if verify is True and cert is None:
        found = os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")
        return _usual_context(trust_env, *found)
    return _make_context(verify=verify, cert=cert, trust_env=trust_env)


for _module in (httpx, transports):
    vars(_module)["create_ssl_context"] = _context
