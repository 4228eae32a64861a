"""The command group, and the one place where errors become a line and an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click

from engine.errors import EngineError
from mistralrs_agent import __version__
from mistralrs_agent.cli.bench import bench
from mistralrs_agent.cli.cache import cache
from mistralrs_agent.cli.completions import completions
from mistralrs_agent.cli.doctor import doctor
from mistralrs_agent.cli.eval import evaluate
from mistralrs_agent.cli.from_config import from_config
from mistralrs_agent.cli.login import login
from mistralrs_agent.cli.run import run
from mistralrs_agent.cli.serve import serve
from mistralrs_agent.cli.tui import tui
from mistralrs_agent.errors import ConfigError, MistralrsError

USAGE_ERROR = 2
INTERRUPTED = 130


@click.group(context_settings={"max_content_width": 110, "help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "-V", "--version", prog_name="mistralrs", message="%(prog)s %(version)s")
def cli() -> None:
    """A local agent on any Hugging Face or GGUF model.

    \b
    Examples:
      mistralrs run                      chat with the built-in demonstration model
      mistralrs run -m Qwen/Qwen3-4B     chat with a model of the hub
      mistralrs serve --agent            chat with tools, and serve programs on port 1234
      mistralrs serve --help             all options
    """


for command in (serve, run, tui, from_config, bench, evaluate, doctor, cache, login, completions):
    cli.add_command(command)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command; a mistake ends in one line on standard error and an exit code other than 0."""
    try:
        code = cli.main(arguments, prog_name="mistralrs", standalone_mode=False)
    except click.exceptions.Abort:
        code = INTERRUPTED
    except Exception as error:  # the last place that can turn an error into a line
        if os.environ.get("MISTRALRS_DEBUG") == "1":
            raise
        code = _report(error)
    sys.exit(code or 0)


def _report(error: Exception) -> int:
    """Say what went wrong in one line; returns the exit code."""
    match error:
        case BrokenPipeError():
            sys.stderr.close()
            return 1
        case click.exceptions.NoArgsIsHelpError():
            click.echo(error.format_message(), err=True)
            return USAGE_ERROR
        case click.UsageError():
            hint = f" (see {error.ctx.command_path} --help)" if error.ctx else ""
            message, code = error.format_message() + hint, USAGE_ERROR
        case click.ClickException():
            message, code = error.format_message(), error.exit_code
        case ConfigError():
            message, code = str(error), USAGE_ERROR
        case MistralrsError() | EngineError() | OSError():
            message, code = str(error), 1
        case _:
            detail = "set MISTRALRS_DEBUG=1 to see where"
            message, code = f"unexpected {type(error).__name__}: {error} ({detail})", 1
    from mistralrs_agent.logs import Concealer  # noqa: PLC0415 - only when something went wrong

    click.echo(f"mistralrs: error: {Concealer()(' '.join(message.split()))}", err=True)
    return code
