"""`mistralrs completions`: a script that teaches a shell our commands and options."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from mistralrs_agent.errors import ConfigError


@click.command()
@click.argument("shell", type=click.Choice(["bash", "fish", "zsh", "elvish", "powershell"]))
@click.pass_context
def completions(context: click.Context, shell: str) -> None:
    """Print a completion script for a shell (bash, fish or zsh).

    \b
    Examples:
      mistralrs completions bash > ~/.local/share/bash-completion/completions/mistralrs
      mistralrs completions fish > ~/.config/fish/completions/mistralrs.fish
      mistralrs completions zsh > ~/.zfunc/_mistralrs
    """
    complete = get_completion_class(shell)
    if complete is None:
        raise ConfigError(f"completions for {shell} are not supported yet; bash, fish and zsh are")
    root = context.find_root()
    click.echo(complete(root.command, {}, "mistralrs", "_MISTRALRS_COMPLETE").source())
