"""`mistralrs eval agent` as a person starts it: a real server, real tools, the little web."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mistralrs_agent.cli import main


def evaluated(*arguments: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(("eval", "agent", *arguments))
    return left.value.code if isinstance(left.value.code, int) else 1


def test_the_built_in_model_is_asked_and_judged(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    transcript = tmp_path / "transcript.jsonl"
    limits = ("--max-seq-len", "1024", "--pa-context-len", "1024", "--threads", "1")
    code = evaluated("--category", "small talk", "--limit", "1", "--json", "--transcript", str(transcript), *limits)
    assert code == 0
    (name, judged), *others = json.loads(capsys.readouterr().out).items()
    assert not others and "SmolLM2" in name
    assert judged["prompts"] == 1 and judged["tokens_per_second"] > 0
    assert judged["all"]["valid calls"] == 1.0
    assert list(judged["categories"]) == ["small talk"]
    (line,) = transcript.read_text("utf-8").splitlines()
    assert json.loads(line)["ask"] == "Hi there, lovely to meet you!"


def test_an_unknown_category_is_named(capsys: pytest.CaptureFixture[str]):
    assert evaluated("--category", "poems") == 2
    assert "there is no category 'poems'; categories: arithmetic, " in capsys.readouterr().err
