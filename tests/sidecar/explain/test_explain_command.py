"""`frontdesk explain`: of recordings, of an app served here, of one that runs elsewhere."""

import json
from pathlib import Path

import pytest

from frontdesk_sidecar.cli import main
from server_support import serving

LOGIN = """\
GET /about

###
POST /login
Content-Type: application/json

{"email": "jane.doe@example.com", "password": "right"}

###
POST /login
Content-Type: application/json

{"email": "jane.doe@example.com", "password": "s3cr3t-wrong"}

###
POST /club/join
Content-Type: application/json

{}
"""
ANSWERED = """\
POST /login
Content-Type: application/json

{"email": "jane.doe@example.com", "password": "s3cr3t-wrong"}

HTTP/1.1 200 OK
Content-Type: application/json

{"message": "s3cr3t-no"}
"""


@pytest.fixture
def requests(tmp_path: Path) -> str:
    """A file of requests."""
    path = tmp_path / "login.http"
    path.write_text(LOGIN)
    return str(path)


def test_a_recording_that_was_not_captured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The reason, what it means, what to do; nothing of the shopper."""
    path = tmp_path / "login.http"
    path.write_text(ANSWERED)
    assert main(["explain", str(path)]) == 1
    told = capsys.readouterr().out
    assert "POST /login -> 200" in told
    assert "not captured (no_sign)" in told
    assert 'when = "2xx"' in told
    for secret in ("s3cr3t", "jane.doe"):
        assert secret not in told


def test_an_app_that_is_served_here(requests: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each posted request is explained, as the app answers it; pages are not."""
    assert main(["explain", "--app", "served_shop:bare", requests]) == 0
    told = capsys.readouterr().out
    first, second, third = told.strip().split("\n\n")
    assert "captured: Logged In" in first
    assert "email        j•••@e•••.com        from response.json" in first
    assert "preset usual-routes" in first
    assert "not captured (status)" in second
    assert "POST /club/join -> 404" in third
    assert "no rule is about this route" in third
    assert "/about" not in told
    assert "jane.doe" not in told
    assert "s3cr3t" not in told


def test_for_scripts(requests: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The same as JSON."""
    assert main(["explain", "--json", "--app", "served_shop:bare", requests]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [one["captured"] for one in told] == [True, False, False]
    assert told[0]["verdicts"][0]["traits"][0].keys() == {"name", "value", "source"}


def test_an_app_that_runs_elsewhere(requests: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The same requests over the network, without a look inside."""
    import served_shop

    with serving(served_shop.bare) as url:
        assert main(["explain", "--url", url, requests]) == 0
    told = capsys.readouterr().out
    assert "captured: Logged In" in told
    assert "not captured (status)" in told


def test_presets_and_settings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A preset can be tried; the file's rules are the app's own."""
    path = tmp_path / "x.http"
    path.write_text(ANSWERED)
    config = tmp_path / "frontdesk.toml"
    config.write_text(
        '[capture]\n[[capture.rule]]\nevent = "Logged In"\nroute = "POST /login"\nwhen = "2xx"\n'
    )
    assert main(["explain", "--config", str(config), "--preset", "sap-occ", str(path)]) == 0
    assert "your own rule" in capsys.readouterr().out
    assert main(["explain", "--preset", "nope", str(path)]) == 78


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ([], "needs --app or --url"),
        (["REQUESTS"], "needs --app or --url"),
        (["none.har"], "none.har: cannot be read"),
        (["--app", "nothing_there:app", "REQUESTS"], "there is no module nothing_there"),
        (["--app", "served_shop", "REQUESTS"], "expected module:attribute"),
    ],
    ids=range(5),
)
def test_what_is_wrong_is_said(
    arguments: list[str], problem: str, requests: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Configuration: exit code 78."""
    given = [requests if argument == "REQUESTS" else argument for argument in arguments]
    assert main(["explain", *given]) == 78
    assert problem in capsys.readouterr().err
