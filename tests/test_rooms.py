"""The packages belong together and light imports stay light."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import distribution, packages_distributions
from importlib.util import find_spec
from pathlib import Path

import pytest

import engine


def test_every_public_name_of_the_engine_can_be_imported():
    for name in engine.__all__:
        assert getattr(engine, name) is not None


def test_importing_events_does_not_import_torch():
    code = "import sys, mistralrs_agent.agent.events; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("room", ["engine", "mistralrs_agent", "sandbox", "tui"])
def test_a_room_belongs_to_this_distribution_and_to_no_other(room: str):
    assert set(packages_distributions().get(room, ())) <= {"mistralrs-agent"}, "another package brings the same name"
    found = find_spec(room)
    assert found is not None and found.origin is not None
    checkout = Path(__file__).parents[1]
    installed = {Path(str(file.locate())) for file in distribution("mistralrs-agent").files or ()}
    assert Path(found.origin).is_relative_to(checkout) or Path(found.origin) in installed
