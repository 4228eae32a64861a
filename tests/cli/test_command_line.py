"""What a person sees at the shell: help, one-line errors, exit codes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from mistralrs_agent import __version__
from mistralrs_agent.cli import cli, main

HEAVY = ("torch", "fastapi", "uvicorn", "textual", "transformers", "huggingface_hub", "mcp")


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(arguments)
    return left.value.code if isinstance(left.value.code, int) else 1


def every_command(group: click.Group = cli, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    for name, command in group.commands.items():
        found.append((*path, name))
        if isinstance(command, click.Group):
            found += every_command(command, (*path, name))
    return found


@pytest.mark.parametrize("arguments", [("--help",), ("serve", "--help"), ("run", "--help")])
def test_help_imports_nothing_heavy(arguments: tuple[str, ...]):
    code = (
        "import sys\nfrom mistralrs_agent.cli import main\n"
        f"try: main({arguments!r})\nexcept SystemExit as left: assert left.code == 0\n"
        f"sys.exit(', '.join(name for name in {HEAVY!r} if name in sys.modules) or None)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"imported {done.stderr}"
    assert "Usage: mistralrs" in done.stdout


def test_the_root_help_lists_every_command_with_a_sentence(capsys: pytest.CaptureFixture[str]):
    assert run("--help") == 0
    text = capsys.readouterr().out
    for name in cli.commands:
        assert f"\n  {name} " in text
    assert "..." not in text.partition("Commands:")[2]  # no sentence is too long for 80 columns


@pytest.mark.parametrize("path", every_command(), ids=" ".join)
def test_every_command_explains_itself_with_an_example(path: tuple[str, ...], capsys: pytest.CaptureFixture[str]):
    assert run(*path, "--help") == 0
    text = capsys.readouterr().out
    assert "Example" in text or path == ("cache", "list")
    assert f"mistralrs {' '.join(path)}" in text


def test_options_are_grouped_and_marked(capsys: pytest.CaptureFixture[str]):
    assert run("serve", "--help") == 0
    text = " ".join(capsys.readouterr().out.split())
    for heading in ("Model:", "Server:", "Agent:", "Sandbox:", "Paged attention:"):
        assert heading in text
    assert "--topology PATH YAML file with a quantisation type and device per layer. (not supported yet)" in text
    assert "--code-exec-permission" not in text  # an older spelling works and is not advertised


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]):
    assert run("--version") == 0
    assert capsys.readouterr().out == f"mistralrs {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("serve", "--topology", "x.yaml"), "--topology is not supported yet"),
        (("serve", "diffusion"), "kind 'diffusion' is not supported yet"),
        (("serve", "--port", "99999"), "invalid value for --port: 99999: should be less than or equal to 65535"),
        (("serve", "--port", "many"), "Invalid value for --port: 'many' is not a valid integer"),
        (("serve", "--dtype", "z"), "Invalid value for --dtype: 'z' is not one of 'auto', 'bf16', 'f16', 'f32'"),
        (("serve", "--prot", "1"), "No such option '--prot'"),
        (("serve", "--chat-template", "none.jinja"), "invalid value for --chat-template: 'none.jinja'"),
        (("serve", "--pa-context-len", "1", "--pa-memory-mb", "1"), "--pa-context-len and --pa-memory-mb cannot be"),
        (("serve", "--code-exec-timeout", "3"), "--code-exec-timeout needs --enable-code-execution or --agent"),
        (("run", "--token-source", "x"), "invalid value for --token-source: should be 'literal:TOKEN'"),
        (("run", "--image", "cat.png"), "--image is not supported yet"),
        (("from-config", "-f", "none.toml"), "none.toml: cannot read the configuration file"),
        (("from-config",), "Missing option '-f' / '--file'"),
        (("completions", "elvish"), "completions for elvish are not supported yet"),
        (("login", "--token", "x"), "a Hugging Face token starts with 'hf_'"),
        (("dance",), "No such command 'dance'"),
        (("run", "-i", " \n"), "--input is empty; write a question"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(
    arguments: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
):
    assert run(*arguments) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("mistralrs: error: ") and output.err.count("\n") == 1
    assert message in output.err


@pytest.mark.parametrize("path", [(), ("cache",)])
def test_a_group_without_a_command_shows_its_help(path: tuple[str, ...], capsys: pytest.CaptureFixture[str]):
    assert run(*path, "--help") == 0
    help_text = capsys.readouterr().out
    assert run(*path) == 2
    assert capsys.readouterr().err == help_text


def test_an_unexpected_error_is_one_line_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def broken(arguments: object, **settings: object) -> None:
        raise RuntimeError("two\nlines")

    monkeypatch.setattr(cli, "main", broken)
    assert run("serve") == 1
    assert capsys.readouterr().err == (
        "mistralrs: error: unexpected RuntimeError: two lines (set MISTRALRS_DEBUG=1 to see where)\n"
    )
    monkeypatch.setenv("MISTRALRS_DEBUG", "1")
    with pytest.raises(RuntimeError):
        main(["serve"])


@pytest.mark.parametrize("shell", ["bash", "fish", "zsh"])
def test_a_completion_script_names_the_program(shell: str, capsys: pytest.CaptureFixture[str]):
    assert run("completions", shell) == 0
    assert "_MISTRALRS_COMPLETE" in capsys.readouterr().out


def test_the_shell_completes_our_options():
    words = {"_MISTRALRS_COMPLETE": "bash_complete", "COMP_WORDS": "mistralrs serve --sandbox-n", "COMP_CWORD": "2"}
    program = [sys.executable, "-c", "from mistralrs_agent.cli import main; main()"]
    done = subprocess.run(program, env=os.environ | words, capture_output=True, text=True, check=False)
    assert done.stdout == "plain,--sandbox-network\n"


def test_login_keeps_the_token_private(tmp_path: Path):
    program = [sys.executable, "-c", "from mistralrs_agent.cli import main; main(['login', '--token', 'hf_secret'])"]
    place = tmp_path / "hub"
    done = subprocess.run(
        program, env=os.environ | {"HF_HOME": str(place)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (place / "token").read_text() == "hf_secret"
    assert (place / "token").stat().st_mode & 0o777 == 0o600
    assert "hf_secret" not in done.stdout


def test_the_cache_is_listed_and_emptied(tmp_path: Path):
    snapshot = tmp_path / "models--someone--tiny" / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").write_text("{}" * 1000)
    refs = tmp_path / "models--someone--tiny" / "refs"
    refs.mkdir()
    (refs / "main").write_text("abc")

    def mistralrs(*arguments: str) -> subprocess.CompletedProcess[str]:
        program = [sys.executable, "-c", "from mistralrs_agent.cli import main; main()", *arguments]
        environment = os.environ | {"HF_HUB_CACHE": str(tmp_path)}
        return subprocess.run(program, env=environment, capture_output=True, text=True, check=False)

    assert "someone/tiny" in mistralrs("cache", "list").stdout
    unknown = mistralrs("cache", "delete", "-m", "someone/else")
    assert unknown.returncode == 1
    assert unknown.stderr == "mistralrs: error: the cache does not hold 'someone/else'; it holds someone/tiny\n"
    assert mistralrs("cache", "delete", "-m", "someone/tiny").stdout.startswith("Deleted someone/tiny")
    assert mistralrs("cache", "list").stdout == "The cache holds no models.\n"
