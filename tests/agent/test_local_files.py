"""Files on the disk of the person who chats."""

from __future__ import annotations

import pytest

from mistralrs_agent.agent.local_files import local_file, mentioned_files
from mistralrs_agent.errors import UserError


@pytest.mark.parametrize("word", ["@~nobody-of-that-name/x", "@" + "a" * 300, "@a\0b", "@."])
def test_a_word_after_an_at_that_names_no_file_is_only_text(word):
    assert mentioned_files(f"see {word}") == []


@pytest.mark.parametrize("path", ["~nobody-of-that-name/x", "a" * 300, "."])
def test_a_path_that_leads_to_no_file_is_said(path):
    with pytest.raises(UserError, match="cannot read"):
        local_file(path)
