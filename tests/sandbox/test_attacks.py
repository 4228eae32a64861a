"""Hostile code, tried inside in every network mode, as root and as an ordinary user, and outside where that is safe."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from sandbox import Session
from tests.sandbox import attacks, batches, intrusions
from tests.sandbox.batches import BARE_PLACES, PLACES, WHO, Place
from tests.sandbox.stranger import SECRET

ATTACKS = {**attacks.ATTACKS, **intrusions.ATTACKS}
OpenSession = Callable[..., Awaitable[Session]]


def cases(names: list[str]) -> tuple[tuple[str, str], ...]:
    return tuple((name, "T = TARGET\n" + ATTACKS[name].code) for name in names)


def is_attack(name: str, place: Place) -> bool:
    attack = ATTACKS[name]
    return place.network not in attack.allowed_in and not (place.bare and place.network in attack.bare_allows)


@pytest.mark.parametrize(
    ("place", "name"),
    [(place, name) for place in (*PLACES, *BARE_PLACES) for name in ATTACKS if is_attack(name, place)],
    ids=str,
)
def test_an_attack_fails_inside(place: Place, name: str) -> None:
    told = batches.run(place, cases([name for name in ATTACKS if is_attack(name, place)]))
    batches.skip_without_layers(told, place)
    assert told[name]["value"] in (None, "False"), told[name]
    assert told[name]["untouched"], "a file of the host was changed"
    assert told[name]["alive"]


def biting(who: str) -> list[str]:
    return [name for name, attack in ATTACKS.items() if attack.bites in ("always", who)]


@pytest.mark.parametrize(("who", "name"), [(who, name) for who in WHO for name in biting(who)])
def test_the_same_attack_succeeds_outside(who: str, name: str) -> None:
    told = batches.run(Place(who, mode="off"), cases(biting(who)))
    assert told[name]["value"] == "True", told[name]


def test_the_suite_is_as_large_as_we_say() -> None:
    assert len(ATTACKS) >= 280


SEARCH_MEMORY = f"""
import re
first, rest = {SECRET[:12]!r}.encode(), {SECRET[12:][::-1]!r}[::-1].encode()
found = 0
with open('/proc/self/mem', 'rb', 0) as memory:
    for line in open('/proc/self/maps'):
        low, high = (int(part, 16) for part in line.split()[0].split('-'))
        if 'r' in line.split()[1] and high < 2**47:
            try:
                memory.seek(low)
                data = memory.read(high - low)
            except (OSError, OverflowError):
                continue
            found += any(data[m.end():m.end() + len(rest)] == rest for m in re.finditer(first, data))
found > 0
"""


def test_nothing_of_the_servers_memory_is_in_the_session() -> None:
    told = batches.run(Place("root"), (("search", SEARCH_MEMORY),))
    assert told["search"]["value"] == "False", told["search"]


async def test_the_environment_holds_nothing_but_what_we_put_there(session: Session) -> None:
    result = await session.run("import os\nsorted(os.environ)")
    assert result.value is not None
    assert set(eval(result.value)) == {
        *("PATH", "HOME", "LANG", "TMPDIR", "XDG_CACHE_HOME", "MPLCONFIGDIR", "MPLBACKEND", "MALLOC_ARENA_MAX"),
        *("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"),
    }


@pytest.mark.usefixtures("whole_sandbox")
async def test_without_network_there_is_not_even_a_loopback(open_session: OpenSession) -> None:
    session = await open_session(network="none")
    assert "OSError" in ((await session.run("import socket\nsocket.socket()")).exception or "")
    assert (await session.run("import asyncio\nasyncio.run(asyncio.sleep(0, 5))")).value == "5"


@pytest.mark.parametrize("who", WHO)
def test_with_the_full_network_the_host_is_reachable(who: str) -> None:
    name = "connect to a service of the host on 127.0.0.1"
    told = batches.run(Place(who, network="full"), cases([name]))
    assert told[name]["value"] == "True", told[name]


@pytest.mark.usefixtures("whole_sandbox")
async def test_two_sessions_do_not_see_each_other(open_session: OpenSession) -> None:
    first, second = await open_session(), await open_session()
    await first.run("open('secret', 'w').write('x')\nimport socket\ns = socket.create_server(('127.0.0.1', 4567))")
    path = str(first.working_directory / "secret")
    assert (await second.run(f"import os\nos.path.exists({path!r})")).value == "False"
    refused = await second.run("import socket\nsocket.create_connection(('127.0.0.1', 4567))")
    assert "ConnectionRefusedError" in (refused.exception or "")


@pytest.mark.usefixtures("whole_sandbox")
async def test_a_link_left_in_place_of_a_temporary_directory_does_not_lead_the_next_start_out(
    open_session: OpenSession, tmp_path: Path
) -> None:
    session = await open_session()
    name = session.workspace.base.name
    outside = tmp_path / "outside"
    outside.mkdir(mode=0o777)
    await session.run(f"import os\nos.rename('/tmp/{name}', '/tmp/moved')\nos.symlink({str(outside)!r}, '/tmp/{name}')")
    await session.run("import os\nos._exit(1)")
    assert (await session.run("1")).value == "1"
    assert list(outside.iterdir()) == []
