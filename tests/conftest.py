"""What every test shares: how many examples hypothesis tries, and that Ctrl-C is heard.

HYPOTHESIS_EXAMPLES=1000 make test looks further.
"""

import os
import signal

from hypothesis import settings

settings.register_profile(
    "suite", max_examples=int(os.environ.get("HYPOTHESIS_EXAMPLES", "25")), deadline=None
)
settings.load_profile("suite")

# A shell without job control starts what is in the background with SIGINT ignored, and so would be
# everything that a test starts, to end it as Ctrl-C does.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
