"""The name of this boot."""

from pathlib import Path

import pytest

from frontdesk import boot


def test_one_machine_one_name() -> None:
    """Eight characters of the kernel's, the same for whoever asks."""
    assert boot.this_boot() == Path("/proc/sys/kernel/random/boot_id").read_text()[:8]


@pytest.mark.parametrize("content", [None, b"\xff\xfe"], ids=["missing", "unreadable"])
def test_a_system_without_one(
    content: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is done without."""
    path = tmp_path / "boot_id"
    if content is not None:
        path.write_bytes(content)
    monkeypatch.setattr(boot, "_BOOT_ID", str(path))
    assert boot.this_boot.__wrapped__() == ""
