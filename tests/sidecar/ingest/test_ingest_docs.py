"""The examples of docs/segment.md, run as they stand but for the address and the keys."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from frontdesk_sidecar.ingest import answers
from frontdesk_sidecar.ingest.message import VERDICTS

DOCUMENT = Path(__file__).parents[3] / "docs" / "segment.md"
TEXT = DOCUMENT.read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```sh\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)


@pytest.mark.skipif(
    None in map(shutil.which, ("curl", "openssl", "bash", "split")), reason="curl is not installed"
)
@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_an_example(house: Any, tmp_path: Path, number: int) -> None:
    """It says that it succeeded, and Jane is in the store."""
    with house.open() as url:
        example = EXAMPLES[number].replace("http://127.0.0.1:8077", url)
        example = example.replace("WRITE_KEY", "write-key-1").replace("HMAC_KEY", "signing-key-1")
        done = subprocess.run(
            ["bash", "-euc", example],
            cwd=tmp_path,
            env={**os.environ, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"},
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
    assert json.loads(done.stdout)["success"] is True
    assert "jane.doe@example.com" in house.customers()


def test_there_are_examples() -> None:
    """Of every way in."""
    assert len(EXAMPLES) == 5
    assert "{" in EXAMPLES[0]


def test_every_verdict_is_explained() -> None:
    """By the name under which it is counted."""
    assert [one for one in VERDICTS if one != "taken" and f"`{one}`" not in TEXT] == []


def test_every_failure_is_explained() -> None:
    """With its status and its code."""
    found = [one for one in vars(answers).values() if isinstance(one, answers.Answer)]
    found += [answers.unauthorized(), answers.too_large(1), answers.malformed("x")]
    found.append(answers.only("POST"))
    for one in found:
        if one is not answers.FAILED and one.document is not None:
            row = rf"^\| {one.status} \|.*`{one.document['code']}`"
            assert re.search(row, TEXT, re.MULTILINE), one.document["code"]
