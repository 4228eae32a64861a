"""Shared by all tests: no hub access, quiet tokenizers, nothing kept in the home of who runs them."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

os.environ["XDG_STATE_HOME"] = tempfile.mkdtemp(prefix="mistralrs-test-state-")
atexit.register(shutil.rmtree, os.environ["XDG_STATE_HOME"], ignore_errors=True)
