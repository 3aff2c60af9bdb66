"""The Django app: what the signals tell becomes one message, and nothing else changes."""

import contextlib
import datetime
import io
import logging
import sys
import types
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import django
import pytest
from asgiref.sync import sync_to_async
from django.apps import apps
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.signals import user_logged_in
from django.core.exceptions import PermissionDenied
from django.core.management import CommandError, call_command
from django.core.signals import request_started
from django.db import connection, connections, models, transaction
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient, Client, RequestFactory
from django.test.utils import CaptureQueriesContext, modify_settings
from django.urls import include, path, re_path
from django.utils.functional import SimpleLazyObject

from asgi_support import JANE, SECRET, emails, read_lines, read_messages
from frontdesk import desk
from frontdesk.event import LOGGED_IN, SIGNED_UP
from frontdesk.notes import MARK, Notes

APP = "frontdesk.contrib.django"
PASSWORD = SECRET
Capturing = Callable[..., Any]


def _urls() -> types.ModuleType:
    """The shop's routes."""
    from django.contrib.auth import alogin, authenticate, get_user_model, login, views
    from django.views import View
    from django.views.decorators.csrf import csrf_exempt

    def user_of(request: HttpRequest) -> Any:
        return authenticate(
            request, username=request.POST["username"], password=request.POST["password"]
        )

    def log_in(request: HttpRequest, **_: str) -> HttpResponse:
        login(request, user_of(request))
        return HttpResponse("fine")

    def twice(request: HttpRequest) -> HttpResponse:
        login(request, user_of(request))
        login(request, user_of(request))
        return HttpResponse("fine")

    async def log_in_async(request: HttpRequest) -> HttpResponse:
        await alogin(request, await sync_to_async(user_of)(request))
        return HttpResponse("fine")

    def register(request: HttpRequest) -> HttpResponse:
        users = get_user_model().objects
        user = users.create_user(request.POST["username"], JANE, PASSWORD, first_name="Jane")
        login(request, user)
        return HttpResponse("fine")

    def rolled_back(request: HttpRequest) -> HttpResponse:
        register(request)
        transaction.set_rollback(True)
        return HttpResponse("not quite", status=200)

    def broken(request: HttpRequest) -> HttpResponse:
        register(request)
        raise PermissionDenied

    def half(request: HttpRequest) -> HttpResponse:
        try:
            with transaction.atomic():
                register(request)
                raise ZeroDivisionError
        except ZeroDivisionError:
            return HttpResponse("fine")

    class ClubLogin(views.LoginView):
        """A login of the shop's own."""

    class Elsewhere(View):
        """A view of allauth's, by its module."""

    Elsewhere.__module__ = "allauth.account.views"
    found = types.ModuleType("contrib_django_urls")
    others: Any = [
        path("login/", csrf_exempt(views.LoginView.as_view())),
        path("club/login/", csrf_exempt(ClubLogin.as_view())),
        path("sso/login/", csrf_exempt(Elsewhere.as_view())),
        path("in/", csrf_exempt(log_in)),
        path("twice/", csrf_exempt(twice)),
        path("async/", csrf_exempt(log_in_async)),
        path("<slug:locale>/club/<int:number>/", csrf_exempt(log_in)),
        path("user/<path:rest>/in/", csrf_exempt(log_in)),
        re_path(r"^old/login/$", csrf_exempt(log_in)),
        re_path(r"^v1\.0/log\-in/\Z", csrf_exempt(log_in)),
        re_path(r"^confirm/(?P<key>[-:\w]+)/$", csrf_exempt(log_in)),
        re_path(r"^magic/(\w+)/(?P<rest>.*)$", csrf_exempt(log_in)),
        path("shop/", include([re_path(r"^(?P<number>\w+)/in/$", csrf_exempt(log_in))])),
        path("register/", csrf_exempt(register)),
        path("register/rolled-back/", csrf_exempt(rolled_back)),
        path("register/broken/", csrf_exempt(broken)),
        path("register/half/", csrf_exempt(half)),
        path("admin/", admin.site.urls),
        path("hijack/", include(([path("acquire/", csrf_exempt(log_in))], "hijack"))),
        path("cms/login/", csrf_exempt(log_in), name="wagtailadmin_login"),
        path("mine/", include(([path("in/", csrf_exempt(log_in))], "dashboard"))),
    ]
    found.urlpatterns = others  # type: ignore[attr-defined] # a module made here
    return found


@pytest.fixture(scope="session", autouse=True)
def _django(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Django with an empty database; the app is installed by those who ask for it."""
    settings.configure(
        SECRET_KEY="made up",
        ALLOWED_HOSTS=["*"],
        USE_TZ=True,
        LOGGING_CONFIG=None,
        ROOT_URLCONF="contrib_django_urls",
        LOGIN_REDIRECT_URL="/",
        SESSION_ENGINE="django.contrib.sessions.backends.cache",
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        MIGRATION_MODULES=dict.fromkeys(("admin", "auth", "contenttypes", "sessions")),
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": tmp_path_factory.mktemp("django") / "shop.db",
            }
        },
        INSTALLED_APPS=[
            "django.contrib.admin",
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "django.contrib.messages",
        ],
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django.contrib.messages.middleware.MessageMiddleware",
        ],
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "OPTIONS": {
                    "loaders": [
                        ("django.template.loaders.locmem.Loader", {"registration/login.html": ""}),
                        "django.template.loaders.app_directories.Loader",
                    ],
                    "context_processors": [
                        "django.template.context_processors.request",
                        "django.contrib.auth.context_processors.auth",
                        "django.contrib.messages.context_processors.messages",
                    ],
                },
            }
        ],
    )
    django.setup()
    sys.modules["contrib_django_urls"] = _urls()
    call_command("migrate", run_syncdb=True, verbosity=0)
    yield
    connections.close_all()


@pytest.fixture(autouse=True)
def _no_users() -> Iterator[None]:
    """Every test has an empty shop."""
    yield
    from django.contrib.auth.models import User

    User.objects.all().delete()


@pytest.fixture
def capturing(monkeypatch: pytest.MonkeyPatch, journal: Path) -> Iterator[Capturing]:
    """Installs the app, with `FRONTDESK_…` variables; gives its configuration."""
    with contextlib.ExitStack() as stack:

        def install(**environ: str) -> Any:
            for name, value in {"FRONTDESK_JOURNAL": str(journal), **environ}.items():
                monkeypatch.setenv(name, value)
            # As in a process that starts: apps connect in their order.
            user_logged_in.disconnect(dispatch_uid="update_last_login")
            stack.enter_context(modify_settings(INSTALLED_APPS={"append": APP}))
            return apps.get_app_config("frontdesk")

        yield install
        request_started.disconnect(dispatch_uid=APP)
        for uid in (APP, f"{APP}.before"):
            user_logged_in.disconnect(dispatch_uid=uid)


@pytest.fixture
def capture(capturing: Capturing) -> Any:
    """The app's configuration, installed."""
    return capturing()


def add(username: str = "jane", address: str = JANE, **columns: Any) -> Any:
    """A customer who registered long ago."""
    from django.contrib.auth.models import User

    columns.setdefault("date_joined", datetime.datetime(2020, 2, 29, 12, tzinfo=datetime.UTC))
    return User.objects.create_user(username, address, PASSWORD, **columns)


def log_in(route: str = "/in/", username: str = "jane", client: Client | None = None) -> Any:
    """Log in as a shopper does."""
    return (client or Client()).post(route, {"username": username, "password": PASSWORD})


def counts() -> dict[str, int]:
    """What this test's desks have counted."""
    found: dict[str, int] = {}
    for one in desk._desks.values():
        found |= one.statistics()
    return found


def test_a_login(capture: Any, journal: Path) -> None:
    """One message, with what the user model stores, before the answer."""
    user = add(first_name="Jane", last_name="Doe")
    assert log_in().status_code == 200
    (message,) = read_messages(journal)
    assert (message.event, message.route) == (LOGGED_IN, "POST /in/")
    assert message.user_id == str(user.pk)
    assert message.traits == {
        "email": JANE,
        "firstName": "Jane",
        "lastName": "Doe",
        "createdAt": "2020-02-29T12:00:00+00:00",
    }
    assert SECRET not in b"".join(read_lines(journal)).decode()


def test_django_s_own_view(capture: Any, journal: Path) -> None:
    """LoginView: a wrong password, an unknown and an inactive user give nothing."""
    add()
    add("john", "john@example.com", is_active=False)
    assert Client().post("/login/", {"username": "jane", "password": "x"}).status_code == 200
    assert log_in("/login/", "nobody").status_code == 200
    assert log_in("/login/", "john").status_code == 200
    assert read_lines(journal) == []
    assert log_in("/login/?next=/checkout/confirm/").status_code == 302
    (message,) = read_messages(journal)
    assert message.route == "POST /login/"
    assert counts() == {}


def test_no_query_more(capture: Any, journal: Path) -> None:
    """A login asks the database as often as without the app."""
    add()
    with CaptureQueriesContext(connection) as with_app:
        log_in()
    assert len(read_lines(journal)) == 1
    for uid in (APP, f"{APP}.before"):
        assert user_logged_in.disconnect(dispatch_uid=uid)
    with CaptureQueriesContext(connection) as without:
        log_in()
    assert len(with_app) == len(without) > 0


async def test_alogin(capture: Any, journal: Path) -> None:
    """An asynchronous view's login is seen as well."""
    await sync_to_async(add)()
    answer = await AsyncClient().post("/async/", {"username": "jane", "password": PASSWORD})
    assert answer.status_code == 200
    assert emails(journal) == [JANE]
    await sync_to_async(connections.close_all)()


def test_a_registration(capture: Any, journal: Path) -> None:
    """A first login right after `date_joined` is a registration, the next one is not."""
    client = Client()
    assert log_in("/register/", client=client).status_code == 200
    assert log_in(client=client).status_code == 200
    assert [message.event for message in read_messages(journal)] == [SIGNED_UP, LOGGED_IN]


def test_a_first_login_later(capture: Any, journal: Path) -> None:
    """Whoever registered more than a minute ago only logs in."""
    now = datetime.datetime.now(datetime.UTC)
    add("john", "john@example.com", date_joined=now - datetime.timedelta(seconds=50))
    add("jane", JANE, date_joined=now - datetime.timedelta(seconds=70))
    log_in(username="john")
    log_in(username="jane")
    assert [message.event for message in read_messages(journal)] == [SIGNED_UP, LOGGED_IN]


def test_signals_of_allauth(capture: Any, journal: Path) -> None:
    """Of a registration and the login that follows it, in either order, one message."""
    capture.receivers.has_sign_ups = True
    user = add(date_joined=datetime.datetime.now(datetime.UTC))
    for first, second in [("signed_up", "logged_in"), ("logged_in", "signed_up")]:
        request = RequestFactory().post("/register/")
        getattr(capture.receivers, first)(request=request, user=user)
        getattr(capture.receivers, second)(request=request, user=user)
    events = [message.event for message in read_messages(journal)]
    assert events == [SIGNED_UP, LOGGED_IN]


def test_twice_in_one_request(capture: Any, journal: Path) -> None:
    """One request gives one message of a customer."""
    add()
    assert log_in("/twice/").status_code == 200
    assert emails(journal) == [JANE]


def test_in_a_transaction(capture: Any, journal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With ATOMIC_REQUESTS it is written on commit, and never if there is none."""
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    assert log_in("/register/rolled-back/").status_code == 200
    assert log_in("/register/broken/").status_code == 403
    assert log_in("/register/half/").status_code == 200
    assert read_lines(journal) == []
    assert log_in("/register/").status_code == 200
    assert emails(journal) == [JANE]
    assert counts() == {}


def test_written_on_commit_alone(capture: Any, journal: Path) -> None:
    """Not a moment earlier."""
    user = add()
    request = RequestFactory().post("/in/")
    with transaction.atomic():
        capture.receivers.logged_in(request=request, user=user)
        assert read_lines(journal) == []
    assert emails(journal) == [JANE]


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/in/?email=jane.doe@example.com", "POST /in/"),
        ("/en-gb/club/7/", "POST /{locale}/club/{number}/"),
        ("/user/a/b/in/", "POST /user/{rest}/in/"),
        ("/old/login/", "POST /old/login/"),
        ("/confirm/Mg:1xUdot/", "POST /confirm/{key}/"),
        ("/v1.0/log-in/", "POST /v1.0/log-in/"),
        ("/shop/abc/in/", "POST /shop/{number}/in/"),
        ("/magic/abc/x", "POST /magic/{}/{rest}"),
        ("/magic/abc/x/y", "POST /magic/{}/{}/{}"),
        ("/magic/abc/", "POST /magic/{}/"),
    ],
)
def test_routes(capture: Any, journal: Path, path: str, route: str) -> None:
    """The route is a template: no query, and nothing that a path may hold."""
    add()
    assert log_in(path).status_code == 200
    (message,) = read_messages(journal)
    assert message.route == route


@pytest.mark.parametrize("path", ["/admin/login/", "/hijack/acquire/", "/cms/login/"])
def test_staff(capture: Any, journal: Path, path: str) -> None:
    """Who comes in by the staff's entrance is no customer."""
    add(is_staff=True, is_superuser=True)
    assert log_in(path).status_code in (200, 302)
    assert read_lines(journal) == []
    assert counts() == {}


def test_staff_before_a_route_is_found(capture: Any, journal: Path) -> None:
    """A login by a middleware is told by its path."""
    user = add()
    requests = RequestFactory()
    for entrance in ("/admin/login/", "/hijack/acquire/"):
        capture.receivers.logged_in(request=requests.post(entrance), user=user)
    assert read_lines(journal) == []
    for page in ("/in/", "/no/such/page/"):
        capture.receivers.logged_in(request=requests.get(page), user=user)
    assert [message.route for message in read_messages(journal)] == [
        "GET /in/",
        "GET /no/such/page/",
    ]


def test_a_dashboard_that_is_not_oscar_s(capture: Any, journal: Path) -> None:
    """A customer's own area may be called so."""
    add()
    assert log_in("/mine/in/").status_code == 200
    assert emails(journal) == [JANE]


def test_no_request(capture: Any, journal: Path) -> None:
    """A login over a socket has no request; one that is made up is no login."""
    user = add()
    user_logged_in.send(sender=type(user), request=None, user=user)
    user_logged_in.send(sender=type(user), request={"type": "websocket"}, user=user)
    Client().force_login(user)
    assert [message.route for message in read_messages(journal)] == ["user_logged_in"] * 2


def test_no_address(capture: Any, journal: Path) -> None:
    """Without a usable address it is counted and dropped."""
    add(address="")
    log_in()
    assert read_lines(journal) == []
    assert counts() == {"skipped.anonymous": 1}


def test_a_username_that_is_an_address(capture: Any, journal: Path) -> None:
    """`USERNAME_FIELD` will do when the e-mail field is empty, in any case."""
    add(username="JANE@Example.com", address="")
    log_in(username="JANE@Example.com")
    assert emails(journal) == ["JANE@Example.com"]


def test_errors_of_ours(
    capture: Any, journal: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """They are counted, named by their type alone, and the shopper is logged in."""

    def fail(user: Any) -> None:
        raise ZeroDivisionError(SECRET)

    monkeypatch.setattr("frontdesk.contrib.django.receivers.unwrapped", fail)
    add()
    client = Client()
    assert log_in(client=client).status_code == 200
    assert "_auth_user_id" in client.session
    capture.receivers.signed_up(request=RequestFactory().post("/in/"), user=None)
    assert counts() == {"error": 3}
    assert "ZeroDivisionError" in caplog.text
    assert SECRET not in caplog.text


def test_errors_on_commit(
    capture: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither are they Django's, which would log what it was given."""

    def fail(finding: Any) -> None:
        raise ZeroDivisionError(finding)

    monkeypatch.setattr(capture.receivers.desk, "note", fail)
    user = add()
    with transaction.atomic():
        capture.receivers.logged_in(request=RequestFactory().post("/in/"), user=user)
    assert counts() == {"error": 1}
    assert JANE not in caplog.text


def test_what_is_no_error_of_ours_passes(capture: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """An exit is not swallowed."""

    def leave(user: Any) -> None:
        raise SystemExit

    monkeypatch.setattr("frontdesk.contrib.django.receivers.unwrapped", leave)
    with pytest.raises(SystemExit):
        capture.receivers.logged_in(request=None, user=None)


@pytest.mark.parametrize("kind", ["scope", "META"])
def test_beside_the_middleware(capture: Any, journal: Path, kind: str) -> None:
    """A watched request's notes say that the message is written, by ASGI and by WSGI."""
    request: Any = RequestFactory().post("/in/")
    notes = Notes()
    if kind == "scope":
        request.scope = {MARK: notes}
    else:
        request.META[MARK] = notes
    capture.receivers.logged_in(request=request, user=add())
    assert notes.is_told
    assert emails(journal) == [JANE]


@pytest.mark.parametrize(
    ("page", "is_told"),
    [
        ("/login/", True),
        ("/club/login/", True),
        ("/sso/login/", True),
        ("/in/", False),
        ("/register/", False),
        ("/no/such/page/", False),
    ],
)
@pytest.mark.parametrize("kind", ["scope", "root", "environ"])
def test_which_of_both_tells(capture: Any, kind: str, page: str, is_told: bool) -> None:
    """Where every login gives a signal, it is the app, whatever the answer looks like."""
    notes = Notes()
    sent: dict[str, Any] = {
        "scope": {"scope": {"path": page, MARK: notes}},
        "root": {"scope": {"path": f"/shop{page}", "root_path": "/shop", MARK: notes}},
        "environ": {"environ": {"PATH_INFO": page, MARK: notes}},
    }[kind]
    request_started.send(sender=None, **sent)
    assert notes.is_told == is_told


def test_requests_that_nobody_watches(capture: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their routes are not even looked up; an error of ours is not theirs."""

    def fail(path: str) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("frontdesk.contrib.django.requests.resolve", fail)
    request_started.send(sender=None, scope={"path": "/login/"})
    request_started.send(sender=None, environ={"PATH_INFO": "/login/"})
    request_started.send(sender=None)
    assert counts() == {}
    request_started.send(sender=None, environ={"PATH_INFO": "/login/", MARK: Notes()})
    assert counts() == {"error": 1}


@pytest.mark.parametrize(
    ("page", "event"), [("/login/", LOGGED_IN), ("/club/login/", LOGGED_IN), ("/in/", SIGNED_UP)]
)
def test_a_registration_that_the_middleware_saw(
    capture: Any, journal: Path, page: str, event: str
) -> None:
    """A first login by a page that only logs in is no second registration."""
    user = add(date_joined=datetime.datetime.now(datetime.UTC))
    request = RequestFactory().post(page)
    request.META[MARK] = Notes()
    capture.receivers.logged_in(request=request, user=user)
    capture.receivers.logged_in(request=RequestFactory().post(page), user=user)
    assert [message.event for message in read_messages(journal)] == [event, SIGNED_UP]


def test_what_the_middleware_may_know(capture: Any, journal: Path) -> None:
    """Of somebody without an address nothing is told: the middleware may have seen one."""
    request = RequestFactory().post("/in/")
    request.META[MARK] = notes = Notes()
    capture.receivers.logged_in(request=request, user=add(address=""))
    assert not notes.is_told
    assert counts() == {}
    notes.is_told = True  # by the app, for all that comes by this route
    capture.receivers.logged_in(request=request, user=add("john", ""))
    assert counts() == {"skipped.anonymous": 1}


def test_notes_of_a_handler(capture: Any, journal: Path) -> None:
    """A handler's traits are added, and its veto holds; staff is vetoed for the middleware too."""
    user = add(first_name="Jane")
    requests = RequestFactory()
    request = requests.post("/in/")
    request.META[MARK] = notes = Notes()
    notes.traits = {"phone": "+49 30 1234", "first_name": None}
    capture.receivers.logged_in(request=request, user=user)
    (message,) = read_messages(journal)
    assert message.traits["phone"] == "+49 30 1234"
    assert "firstName" not in message.traits

    request = requests.post("/in/")
    request.META[MARK] = notes = Notes()
    notes.is_vetoed = True
    capture.receivers.logged_in(request=request, user=user)
    assert not notes.is_told
    request = requests.post("/admin/login/")
    request.META[MARK] = notes = Notes()
    capture.receivers.logged_in(request=request, user=user)
    assert notes.is_vetoed
    assert len(read_lines(journal)) == 1


CONFIG = """
[capture]
drop = ["lastName"]
hash = ["firstName"]
consent = {{ source = "{source}", accepts = ["yes"] }}
"""


@pytest.mark.parametrize(
    ("source", "yes"),
    [
        ("request.cookies.consent", True),
        ("request.cookies.other", False),
        ("request.form.terms", True),
        ("request.form.marketing", False),
        ("request.query.consent", True),
        ("request.headers.X-Consent", True),
        ("session.consent", True),
        ("user.last_name", True),
        ("traits.lastName", True),
        ("traits.firstName", False),
    ],
)
def test_consent(
    capturing: Capturing, journal: Path, tmp_path: Path, source: str, yes: bool
) -> None:
    """Without consent nothing leaves; what is dropped or hashed does not leave as it is."""
    config = tmp_path / "frontdesk.toml"
    config.write_text(CONFIG.format(source=source))
    capturing(FRONTDESK_CONFIG=str(config))
    add(first_name="Jane", last_name="yes")
    client = Client()
    client.cookies["consent"] = "yes"
    session = client.session
    session["consent"] = "yes"
    session.save()
    client.post(
        "/in/?consent=yes",
        {"username": "jane", "password": PASSWORD, "terms": "yes", "marketing": "no"},
        headers={"x-consent": "yes"},
    )
    assert len(read_lines(journal)) == yes
    assert counts() == ({} if yes else {"skipped.no_consent": 1})
    for message in read_messages(journal):
        assert "lastName" not in message.traits
        assert len(str(message.traits["firstName"])) == 64


def test_consent_in_json(capturing: Capturing, journal: Path, tmp_path: Path) -> None:
    """A body is read as far as the app has read it; a socket's login has none."""
    config = tmp_path / "frontdesk.toml"
    config.write_text(CONFIG.format(source="request.json.consent"))
    capture = capturing(FRONTDESK_CONFIG=str(config))
    user = add(first_name="Jane")
    requests = RequestFactory()
    unread = requests.post("/in/", {"consent": "yes"}, content_type="application/json")
    capture.receivers.logged_in(request=unread, user=user)
    capture.receivers.logged_in(request=None, user=user)
    assert read_lines(journal) == []
    read = requests.post("/in/", {"consent": "yes"}, content_type="application/json")
    assert read.body
    capture.receivers.logged_in(request=read, user=user)
    assert emails(journal) == [JANE]


def test_wrong_settings(
    capturing: Capturing, journal: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The start-up goes on, the log and `check` say everything, and nothing is captured."""
    with caplog.at_level(logging.ERROR, "frontdesk"):
        capture = capturing(FRONTDESK_CAPTURE__COLOUR="red", FRONTDESK_JOURNAL="journal")
    assert capture.receivers is None
    assert "capture.colour" in caplog.text
    with pytest.raises(CommandError) as caught:
        call_command("check", stderr=io.StringIO())
    assert str(caught.value).count("(frontdesk.E001)") == 2
    assert "capture.colour: is not a setting" in str(caught.value)
    add()
    assert log_in().status_code == 200
    assert read_lines(journal) == []


def test_nothing_is_opened_at_the_start(capturing: Capturing, journal: Path) -> None:
    """Commands such as `check` and `migrate` leave no trace in the journal's directory."""
    capture = capturing()
    call_command("check", stdout=io.StringIO())
    call_command("migrate", run_syncdb=True, verbosity=0)
    assert list(journal.iterdir()) == []
    assert capture.problems == ()
    assert list(capture.get_models()) == []


class Phone:
    """A number as an object, as phone fields have it."""

    def __init__(self, digits: str) -> None:
        self.digits = digits


class PhoneField(models.CharField):
    """Stores the digits."""

    def get_prep_value(self, value: Any) -> Any:
        """What goes into the column."""
        return value.digits if isinstance(value, Phone) else value


def member() -> Any:
    """A user model of the shop's own."""
    from django.contrib.auth.base_user import AbstractBaseUser

    if "member" in apps.all_models["shop"]:
        return apps.all_models["shop"]["member"]

    class Member(AbstractBaseUser):
        """A member of the club."""

        code = models.UUIDField(primary_key=True, default=uuid.uuid4)
        contact = models.EmailField()
        nick = models.CharField(max_length=50)
        phone = PhoneField(max_length=50)
        birth_date = models.DateField(null=True)
        date_joined = models.DateTimeField(null=True)
        avatar = models.FileField()
        gender = models.IntegerField(null=True)
        customer_id = models.CharField(max_length=9)
        EMAIL_FIELD = "contact"
        USERNAME_FIELD = "nick"

        class Meta:
            """In no installed app, so there is no table: a query would be an error."""

            app_label = "shop"

        @property
        def name(self) -> str:
            """The app's code."""
            raise AssertionError("a property was run")

    return Member


def test_a_model_of_one_s_own() -> None:
    """Columns by their usual spellings, dates as ISO 8601, other objects as their column has it."""
    from frontdesk.contrib.django.users import person_of_user

    code = uuid.UUID(int=7)
    user = member()(
        code=code,
        contact="Jane.Doe@Example.com",
        nick="jane",
        phone=Phone("+49301234"),
        birth_date=datetime.date(1990, 5, 17),
        date_joined=datetime.datetime(2026, 5, 17, 12),  # noqa: DTZ001 - as with USE_TZ = False
        avatar="faces/jane.png",
        customer_id="C7",
        password=SECRET,
    )
    person = person_of_user(user)
    assert person.user_id == str(code)
    assert person.traits == {
        "email": "Jane.Doe@Example.com",
        "phone": "+49301234",
        "birthday": "1990-05-17",
        "createdAt": "2026-05-17T12:00:00-05:00",
    }


def test_a_deferred_column_is_not_asked_for() -> None:
    """What the app has not loaded is not known."""
    from django.contrib.auth.models import User

    from frontdesk.contrib.django.users import person_of_user

    add(first_name="Jane", last_name="Doe")
    user = User.objects.only("email", "last_name").get()
    with CaptureQueriesContext(connection) as queries:
        person = person_of_user(user)
    assert len(queries) == 0
    assert person.traits == {"email": JANE, "lastName": "Doe"}


def test_lazy_users() -> None:
    """`request.user` is looked behind if it was loaded, and not loaded."""
    from frontdesk.contrib.django.users import person_of_user, unwrapped

    user = add()
    lazy: Any = SimpleLazyObject(lambda: user)
    assert person_of_user(unwrapped(lazy)).email is None
    assert lazy.pk == user.pk
    assert person_of_user(unwrapped(lazy)).email == JANE


def test_users_of_another_kind() -> None:
    """Whoever is no model of Django's is read likewise; nobody is nobody."""
    from frontdesk.contrib.django.users import person_of_user

    other = Phone("1")
    other.__dict__ |= {"email": JANE, "id": 7, "given_name": "Jane"}
    person = person_of_user(other)
    assert (person.user_id, person.traits) == ("7", {"email": JANE, "firstName": "Jane"})
    assert person_of_user(None).email is None
