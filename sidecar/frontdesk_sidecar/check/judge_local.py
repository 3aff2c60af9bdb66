"""What the configuration and the files beside it are worth. Pure: from facts to results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from frontdesk_sidecar.check.result import Result, Status

#: Beginnings of problems, and what helps.
_HELP: Final = (
    ("cannot read", "name the file with --config or FRONTDESK_CONFIG, and let this user read it"),
    ("sap.client_secret", "put the secret into a file and name it in sap.client_secret_file"),
    ("sap.base_url", "sap.base_url: the host of the Integration API, such as api.example.com"),
    ("sap.client_id", "sap.client_id: the IntegrationClientCredentialsDetails of the object"),
    ("sap.mapping", "docs/mapping.md has the functions and examples of mappings"),
)


def configuration(problems: Sequence[str], named: str, targets: Sequence[str]) -> Result:
    """Whether the settings can be used; of problems every one."""
    tried = f"read {named} and the environment"
    if not problems:
        told = "" if len(targets) == 1 else f", {len(targets)} targets: {', '.join(targets)}"
        return Result("configuration", Status.OK, tried, f"complete{told}")
    helps = [text for start, text in _HELP if any(one.startswith(start) for one in problems)]
    number = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    return Result(
        "configuration",
        Status.FAILED,
        tried,
        number,
        "frontdesk does not start with these settings.",
        (*helps, "correct what is listed; README's table of settings says what each key takes"),
        tuple(problems),
    )


@dataclass(frozen=True, slots=True)
class SecretFile:
    """A file with a secret, of which nothing is told but its outside."""

    path: str
    mode: int = 0
    error: str = ""
    is_empty: bool = False
    ends_in_break: bool = False
    has_blank_inside: bool = False


def secret(files: Sequence[SecretFile], *, is_inline: bool) -> Result:
    """Whether the secrets can be read by us and by nobody else."""
    tried = "looked at the files with secrets, from outside"
    broken = [one for one in files if one.error or one.is_empty]
    if broken:
        told = "; ".join(f"{one.path}: {one.error or 'is empty'}" for one in broken)
        means = "Without it nothing can be asked of SAP."
        todo: tuple[str, ...] = ("mount it there, readable for the user that runs frontdesk",)
        return Result("secret", Status.FAILED, tried, told, means, todo)
    open_ = [one for one in files if one.mode & 0o004]
    odd = [one for one in files if one.has_blank_inside]
    found = [f"{one.path}: mode {one.mode:04o}" for one in files]
    found += ["in the settings themselves"] if is_inline else []
    details = tuple(
        f"{one.path}: ends in a line break, which is not taken for a part of it"
        for one in files
        if one.ends_in_break
    )
    means, todo = _open_or_odd(open_, odd, is_inline=is_inline)
    status = Status.WARNING if open_ or odd else Status.OK
    return Result("secret", status, tried, "; ".join(found), means, todo, details)


def _open_or_odd(
    open_: Sequence[SecretFile], odd: Sequence[SecretFile], *, is_inline: bool
) -> tuple[str, tuple[str, ...]]:
    if open_:
        paths = " ".join(one.path for one in open_)
        return "Every user of this machine can read it.", (
            f"chmod o-r {paths}",
            "in Kubernetes: defaultMode: 0440 at the secret's volume, with fsGroup of the pod",
        )
    if odd:
        return "There is a blank or a line break within, which is seldom a part of a secret.", (
            f"look at {odd[0].path} again: one line, the secret alone",
        )
    if is_inline:
        return "It works; a file can be replaced while frontdesk runs.", (
            "better: sap.client_secret_file",
        )
    return "", ()
