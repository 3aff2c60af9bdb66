"""Coming in and going out by HTML form: register, log in, log out."""

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from shop.registration import MIN_PASSWORD, Registration
from shop.rendering import page
from shop.sessions import (
    accounts_of,
    current_user,
    is_our_form,
    local_path,
    sign_in,
    sign_out,
)

FIELDS = {name: name for name in ("first_name", "last_name", "email", "password")}
EXPIRED = "This form had expired. Please send it again."
TAKEN = "There is already an account with this e-mail address. Log in instead?"
REFUSED = "That e-mail address and password do not belong together."


async def register_form(request: Request) -> Response:
    """`GET /register`."""
    if await current_user(request):
        return RedirectResponse("/account", 303)
    return await _register_page(request, 200, Registration("", "", "", ""), {})


async def register(request: Request) -> Response:
    """`POST /register`: 303 to the account, or the form again with what is wrong."""
    form = await _read_form(request)
    registration = Registration.from_fields(form, FIELDS)
    if not is_our_form(request, form):
        return await _register_page(request, 403, registration, {"": EXPIRED})
    if problems := registration.problems():
        return await _register_page(request, 422, registration, problems)
    user = await accounts_of(request).register(registration)
    if user is None:
        return await _register_page(request, 409, registration, {"email": TAKEN})
    sign_in(request, user)
    return RedirectResponse("/account", 303)


async def login_form(request: Request) -> Response:
    """`GET /login`."""
    target = local_path(request.query_params.get("next"))
    if await current_user(request):
        return RedirectResponse(target, 303)
    return await page(request, "login.html", next=target, email="", problem="")


async def login(request: Request) -> Response:
    """`POST /login`: 303 to where the shopper was going, or the form again."""
    form = await _read_form(request)
    email, password = _text(form, "email").strip(), _text(form, "password")
    target = local_path(form.get("next"))
    if not is_our_form(request, form):
        return await page(request, "login.html", 403, next=target, email=email, problem=EXPIRED)
    user = await accounts_of(request).authenticate(email, password)
    if user is None:
        return await page(request, "login.html", 401, next=target, email=email, problem=REFUSED)
    sign_in(request, user)
    return RedirectResponse(target, 303)


async def logout(request: Request) -> Response:
    """`POST /logout`: 303 to the home page."""
    if not is_our_form(request, await _read_form(request)):
        raise HTTPException(403, EXPIRED)
    sign_out(request)
    return RedirectResponse("/", 303)


async def _register_page(
    request: Request, status: int, answers: Registration, problems: dict[str, str]
) -> Response:
    return await page(
        request,
        "register.html",
        status,
        answers=answers,
        problems=problems,
        min_password=MIN_PASSWORD,
    )


async def _read_form(request: Request) -> FormData:
    return await request.form(max_files=0, max_fields=20, max_part_size=16 * 1024)


def _text(form: FormData, name: str) -> str:
    value = form.get(name)
    return value if isinstance(value, str) else ""
