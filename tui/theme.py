"""The colours the app starts with; the palette offers Textual's other themes."""

from __future__ import annotations

from textual.theme import Theme

EMBER = Theme(
    name="ember",
    primary="#e8925a",
    secondary="#8fb3c9",
    accent="#e8925a",
    foreground="#dcd9d4",
    background="#171614",
    surface="#1e1d1a",
    panel="#292723",
    success="#93b582",
    warning="#dcb566",
    error="#dd7a70",
    dark=True,
)
