"""A reload that goes wrong as files alone do not show it: nothing changes, and it says so."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable
from typing import Any

import anyio
import pytest

from frontdesk import ConfigurationError
from frontdesk_sidecar.lifecycle import reloading
from frontdesk_sidecar.lifecycle.reloading import Reloader
from frontdesk_sidecar.settings import Settings, load
from frontdesk_sidecar.store import StoreError
from frontdesk_sidecar.telemetry import Telemetry

ENVIRON = {
    "FRONTDESK_SAP__BASE_URL": "sap.example.com",
    "FRONTDESK_SAP__CLIENT_ID": "frontdesk",
    "FRONTDESK_SAP__CLIENT_SECRET": "marked-secret",
}


class House:
    """Settings, how they are read, and what is put in force."""

    def __init__(self) -> None:
        self.settings = load(None, ENVIRON)
        self.read: Callable[[], Settings] = lambda: load(
            None, ENVIRON | {"FRONTDESK_FORWARD__RATE": "7"}
        )
        self.in_the_way: Exception | None = None
        self.begun = 0
        self.in_force: list[Settings] = []
        self.hold = anyio.Event()
        self.hold.set()
        self.reloader = Reloader(
            self.settings, lambda: self.read(), self._prepare, Telemetry(), now=lambda: 0
        )

    async def _prepare(self, settings: Settings) -> Callable[[], None]:
        self.begun += 1
        await self.hold.wait()
        if self.in_the_way is not None:
            raise self.in_the_way
        return lambda: self.in_force.append(settings)

    async def refused(self) -> list[str]:
        """The problems of a reload that changes nothing."""
        told = await self.reloader.reload()
        assert not told["applied"]
        assert told["changed"] == []
        assert self.in_force == []
        assert self.reloader.settings is self.settings
        assert self.reloader.last == told
        assert "marked" not in repr(told)
        problems: list[str] = told["problems"]
        return problems


@pytest.fixture
async def house() -> House:
    """One that nothing stands in the way of."""
    return House()


async def test_what_is_right_is_put_in_force(house: House) -> None:
    """And told by name."""
    told = await house.reloader.reload()
    assert told == {
        "applied": True,
        "at": "1970-01-01T00:00:00Z",
        "changed": ["forward.rate"],
        "problems": [],
    }
    assert [one.pace.rate for one in house.in_force] == [7.0]
    assert house.reloader.settings is house.in_force[0]


@pytest.mark.parametrize(
    ("error", "problem"),
    [
        (ConfigurationError(["a: is wrong", "b: too"]), "a: is wrong; b: too"),
        (RuntimeError("marked"), "the settings: cannot be read: RuntimeError"),
    ],
)
async def test_whatever_goes_wrong_in_reading_is_a_refusal(
    house: House, error: Exception, problem: str
) -> None:
    """Also what nobody thought of: what runs goes on running."""

    def read() -> Settings:
        raise error

    house.read = read
    assert "; ".join(await house.refused()) == problem


async def test_a_volume_that_hangs_is_not_waited_for(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The files are read beside the work, which goes on."""
    monkeypatch.setattr(reloading, "READ_S", 0.05)
    hanging = threading.Event()

    def read() -> Settings:
        hanging.wait(10)
        return house.settings

    house.read = read
    try:
        assert await house.refused() == ["the settings: could not be read within 0 s"]
    finally:
        hanging.set()


@pytest.mark.parametrize(
    ("error", "problem"),
    [
        (FileNotFoundError(2, "No such file", "/marked"), "No such file"),
        (ssl.SSLError(1, "[X509] no certificate"), "[X509] no certificate"),
        (RuntimeError("marked"), "cannot be put in force: RuntimeError"),
    ],
)
async def test_whatever_goes_wrong_in_preparing_is_a_refusal(
    house: House, error: Exception, problem: str
) -> None:
    """A certificate's file may be replaced after it was looked at."""
    house.in_the_way = error
    [told] = await house.refused()
    assert told.endswith(problem)


async def test_a_store_that_failed_is_no_matter_of_settings(house: House) -> None:
    """It ends the sidecar, as everywhere."""
    house.in_the_way = StoreError("the disk")
    with pytest.raises(StoreError):
        await house.reloader.reload()


async def test_at_the_end_nothing_changes_any_more(house: House) -> None:
    """Not even where the settings were read before."""
    house.hold = anyio.Event()
    told: list[dict[str, Any]] = []

    async def reload() -> None:
        told.append(await house.reloader.reload())

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(reload)
        with anyio.fail_after(10):
            while not house.begun:  # noqa: ASYNC110 - with a deadline
                await anyio.sleep(0.002)
        house.reloader.end()
        house.hold.set()
    assert told[0]["problems"] == ["the sidecar stops; its next start reads the settings"]
    assert house.in_force == []
    assert await house.refused() == told[0]["problems"]


async def test_who_asks_meanwhile_is_served_once_more(house: House) -> None:
    """A change that came while the files were read is not missed."""
    house.hold = anyio.Event()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(house.reloader.run)
        house.reloader.ask()
        with anyio.fail_after(10):
            while house.begun < 1:  # noqa: ASYNC110 - with a deadline
                await anyio.sleep(0.002)
            for _ in range(5):
                house.reloader.ask()
            house.hold.set()
            while len(house.in_force) < 2:  # noqa: ASYNC110 - with a deadline
                await anyio.sleep(0.002)
        tasks.cancel_scope.cancel()
    assert house.begun == 2
