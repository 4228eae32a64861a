"""Short entries of the transcript that neither the person nor the model wrote."""

from __future__ import annotations

from tui.widgets.plain import Plain


class Note(Plain):
    """Something the app has to say."""


class ErrorNote(Plain):
    """Why a turn failed."""
