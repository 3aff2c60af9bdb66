"""The app's configuration: connects the signals, and says what is wrong with the settings."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType
from typing import Any, Final

from django.apps import AppConfig, apps
from django.contrib.auth.signals import user_logged_in
from django.core import checks
from django.core.signals import request_started

from frontdesk.contrib.django.receivers import Receivers
from frontdesk.desk import log_problems
from frontdesk.exceptions import ConfigurationError
from frontdesk.settings import load_capture

_UID: Final = "frontdesk.contrib.django"
_HINT: Final = "Correct it in the file named by FRONTDESK_CONFIG, or in the FRONTDESK_ variables."


class FrontdeskConfig(AppConfig):
    """`"frontdesk.contrib.django"` in INSTALLED_APPS.

    With wrong settings nothing is captured, the log says so, and `manage.py check` fails.
    """

    name = "frontdesk.contrib.django"
    label = "frontdesk"
    verbose_name = "frontdesk"

    def __init__(self, app_name: str, app_module: ModuleType) -> None:
        super().__init__(app_name, app_module)
        self.problems: Sequence[str] = ()
        self.receivers: Receivers | None = None
        try:
            settings = load_capture()
        except ConfigurationError as error:
            self.problems = error.problems
            log_problems(error)
            return
        self.receivers = Receivers(settings)
        # Not in ready(): Django's own receiver, connected in that of its app, comes after this one.
        user_logged_in.connect(self.receivers.before_login, dispatch_uid=f"{_UID}.before")

    def ready(self) -> None:
        """Called once all apps are loaded."""
        checks.register(check_settings)
        if self.receivers is None:
            return
        request_started.connect(self.receivers.started, dispatch_uid=_UID)
        user_logged_in.connect(self.receivers.logged_in, dispatch_uid=_UID)
        if apps.is_installed("allauth.account"):
            from allauth.account.signals import user_signed_up

            self.receivers.has_sign_ups = True
            user_signed_up.connect(self.receivers.signed_up, dispatch_uid=_UID)


def check_settings(app_configs: Any, **_: Any) -> list[Any]:
    """`frontdesk.E001` for each problem of the settings."""
    problems = getattr(apps.app_configs.get("frontdesk"), "problems", ())
    return [checks.Error(problem, hint=_HINT, id="frontdesk.E001") for problem in problems]
