"""Flask with flask-login as its documentation shows it: a page's form, and an API."""

from typing import Any

from flask import Flask, redirect, render_template_string, request, url_for
from flask_login import (
    LoginManager,
    UserMixin,
    current_user,
    login_required,
    login_user,
    logout_user,
)

app = Flask(__name__)
app.secret_key = "a-signing-key-of-more-than-thirty-two-bytes"
manager = LoginManager(app)
manager.login_view = "login"
users: dict[str, "User"] = {}
FORM = "<form method=post>{{ error }}<input name=email><input name=password></form>"


class User(UserMixin):  # type: ignore[misc] # flask-login has no types
    """A customer."""

    def __init__(self, email: str, password: str, name: str) -> None:
        self.id = email.lower()
        self.email = email
        self.password = password
        self.name = name


@manager.user_loader  # type: ignore[untyped-decorator] # flask-login has no types
def load_user(user_id: str) -> User | None:
    """Who a session is of."""
    return users.get(user_id)


def checked(typed: Any) -> User | None:
    """The user whose password it is."""
    user = users.get(typed["email"].lower())
    return user if user is not None and user.password == typed["password"] else None


@app.route("/login", methods=["GET", "POST"])
def login() -> Any:
    """The form; after a failure the same again."""
    error = ""
    if request.method == "POST":
        user = checked(request.form)
        if user is not None:
            login_user(user)
            return redirect(request.args.get("next") or url_for("index"))
        error = "wrong"
    return render_template_string(FORM, error=error)


@app.route("/register", methods=["GET", "POST"])
def register() -> Any:
    """The form; then to the login page."""
    error = ""
    if request.method == "POST":
        form = request.form
        if "@" in form["email"] and form["email"].lower() not in users:
            users[form["email"].lower()] = User(form["email"], form["password"], form["name"])
            return redirect(url_for("login"))
        error = "taken"
    return render_template_string(FORM, error=error)


@app.post("/api/login")
def api_login() -> Any:
    """The same for an app."""
    user = checked(request.get_json())
    if user is None:
        return {"success": False, "message": "wrong"}
    login_user(user)
    return {"success": True, "data": {"user": {"email": user.email, "name": user.name}}}


@app.post("/logout")
@login_required  # type: ignore[untyped-decorator] # flask-login has no types
def logout() -> Any:
    """Leave."""
    logout_user()
    return redirect(url_for("index"))


@app.post("/forgot")
def forgot() -> Any:
    """A mail with a link; the page says where it went."""
    form = request.form
    return {"email": form["email"], "message": "sent"}


@app.route("/admin/users")
def customers() -> Any:
    """All customers."""
    return [{"email": email, "id": email} for email in users]


@app.route("/")
def index() -> str:
    """Home."""
    return "welcome; write to help@example.com"


@app.route("/me")
@login_required  # type: ignore[untyped-decorator] # flask-login has no types
def me() -> dict[str, str]:
    """Who I am."""
    return {"email": current_user.email}
