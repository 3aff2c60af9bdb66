"""What a new customer has to tell, and what is wrong with it."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field

MIN_PASSWORD = 8
MAX_PASSWORD = 256
MAX_NAME = 80
MAX_EMAIL = 254

EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)+")


@dataclass(frozen=True, slots=True)
class Registration:
    """The answers of a registration form, trimmed; the password stays as it was typed."""

    first_name: str
    last_name: str
    email: str
    password: str = field(repr=False)

    @classmethod
    def from_fields(cls, fields: Mapping[str, object], names: Mapping[str, str]) -> "Registration":
        """Pick the answers out of a form or JSON object, where they go by other `names`."""
        found = {ours: fields.get(theirs) for ours, theirs in names.items()}
        texts = {ours: value if isinstance(value, str) else "" for ours, value in found.items()}
        return cls(
            first_name=texts["first_name"].strip(),
            last_name=texts["last_name"].strip(),
            email=texts["email"].strip(),
            password=texts["password"],
        )

    def problems(self) -> dict[str, str]:
        """Return what is wrong, by field name; nothing when all is well."""
        found = {
            "first_name": _name_problem(self.first_name, "first name"),
            "last_name": _name_problem(self.last_name, "last name"),
            "email": _email_problem(self.email),
            "password": _password_problem(self.password),
        }
        return {name: problem for name, problem in found.items() if problem}


def _name_problem(name: str, label: str) -> str:
    if not name:
        return f"Enter your {label}."
    if len(name) > MAX_NAME or not _is_plain(name):
        return f"Enter a {label} of at most {MAX_NAME} ordinary characters."
    return ""


def _email_problem(email: str) -> str:
    if len(email) > MAX_EMAIL or not _is_plain(email) or not EMAIL.fullmatch(email):
        return "Enter an e-mail address like name@example.com."
    return ""


def _password_problem(password: str) -> str:
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        return f"Choose a password of {MIN_PASSWORD} to {MAX_PASSWORD} characters."
    return ""


def _is_plain(text: str) -> bool:
    return not any(unicodedata.category(character) in {"Cc", "Cs"} for character in text)
