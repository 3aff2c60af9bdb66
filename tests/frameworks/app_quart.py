"""Quart with quart-auth as its documentation shows it: a page's form, and an API."""

from typing import Any

from quart import Quart, redirect, render_template_string, request, url_for
from quart_auth import (
    AuthUser,
    QuartAuth,
    Unauthorized,
    current_user,
    login_required,
    login_user,
    logout_user,
)

app = Quart(__name__)
app.secret_key = "a-signing-key-of-more-than-thirty-two-bytes"
QuartAuth(app, cookie_secure=False)
users: dict[str, dict[str, str]] = {}
FORM = "<form method=post>{{ error }}<input name=email><input name=password></form>"


def is_right(email: str, password: str) -> bool:
    """Whether it is the password."""
    return email.lower() in users and users[email.lower()]["password"] == password


@app.route("/login", methods=["GET", "POST"])
async def login() -> Any:
    """The form; after a failure the same again."""
    error = ""
    if request.method == "POST":
        form = await request.form
        if is_right(form["email"], form["password"]):
            login_user(AuthUser(form["email"].lower()))
            return redirect(url_for("index"))
        error = "wrong"
    return await render_template_string(FORM, error=error)


@app.route("/register", methods=["GET", "POST"])
async def register() -> Any:
    """The form; after a failure the same again."""
    error = ""
    if request.method == "POST":
        form = await request.form
        email = form["email"].lower()
        if "@" in email and email not in users:
            users[email] = dict(form)
            login_user(AuthUser(email))
            return redirect(url_for("index"))
        error = "taken"
    return await render_template_string(FORM, error=error)


@app.post("/api/login")
async def api_login() -> Any:
    """The same for an app."""
    typed = await request.get_json()
    if not is_right(typed["email"], typed["password"]):
        return {"error": "wrong e-mail or password"}, 200
    login_user(AuthUser(typed["email"].lower()))
    user = users[typed["email"].lower()]
    return {"user": {"email": user["email"], "first_name": user["first_name"]}}


@app.post("/logout")
@login_required
async def logout() -> Any:
    """Leave."""
    logout_user()
    return redirect(url_for("index"))


@app.post("/forgot")
async def forgot() -> Any:
    """A mail with a link; the page says where it went."""
    form = await request.form
    return {"email": form["email"], "message": "sent"}


@app.route("/admin/users")
async def customers() -> Any:
    """All customers."""
    return [{"email": email, "id": email} for email in users]


@app.route("/")
async def index() -> str:
    """Home."""
    return "welcome; write to help@example.com"


@app.route("/me")
@login_required
async def me() -> dict[str, str]:
    """Who I am."""
    return {"email": str(current_user.auth_id)}


@app.errorhandler(Unauthorized)
async def redirect_to_login(*_: Exception) -> Any:
    """Ask to log in."""
    return redirect(url_for("login"))
