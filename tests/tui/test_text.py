from __future__ import annotations

import pytest

from tui.text import count, duration, first_lines, last_lines, printable, revealed


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]0;new title\x07text", "text"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("10%\r50%\r100%\ndone\r\n", "100%\ndone\n"),
        ("a\x00\x08\x9bb\tc", "ab\tc"),
        ("é 日本 🙂 [bold]", "é 日本 🙂 [bold]"),
    ],
)
def test_printable_text_cannot_steer_the_terminal(raw: str, shown: str):
    assert printable(raw) == shown


def test_revealed_text_hides_nothing():
    assert revealed("a\u202eb\u200bc\x1b[K\n\td") == "a\\u202eb\\u200bc\\x1b[K\n\td"


def test_the_beginning_of_a_long_text_says_what_is_missing():
    text = "\n".join(map(str, range(10)))
    assert first_lines(text, 10) == text
    assert first_lines(text, 3) == "0\n1\n2\n… 7 more lines"
    assert first_lines("x" * 50, 3, max_chars=20) == "x" * 20 + "\n… 30 more characters"


def test_the_end_of_a_long_text_says_what_is_missing():
    text = "\n".join(map(str, range(10)))
    assert last_lines(text, 10) == text
    assert last_lines(text, 3) == "… 7 earlier lines\n7\n8\n9"
    assert last_lines("x" * 50, 3, max_chars=20) == "… 30 earlier characters\n" + "x" * 20


@pytest.mark.parametrize(("seconds", "shown"), [(0.0124, "12 ms"), (3.44, "3.4 s"), (125, "2 min 5 s")])
def test_durations_read_well(seconds: float, shown: str):
    assert duration(seconds) == shown


@pytest.mark.parametrize(("number", "shown"), [(812, "812"), (1234, "1.2k"), (131072, "131k")])
def test_counts_read_well(number: int, shown: str):
    assert count(number) == shown
