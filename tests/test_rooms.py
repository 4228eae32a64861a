"""The packages belong together and light imports stay light."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import engine
import mistralrs_agent


def test_every_public_name_of_the_engine_can_be_imported():
    for name in engine.__all__:
        assert getattr(engine, name) is not None


def test_importing_events_does_not_import_torch():
    code = "import sys, mistralrs_agent.agent.events; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_rooms_come_from_this_checkout():
    top = Path(__file__).parents[1]
    assert Path(engine.__file__).is_relative_to(top)
    assert Path(mistralrs_agent.__file__).is_relative_to(top)
