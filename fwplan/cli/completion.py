"""`fwplan completion`: prints what makes a shell complete fwplan's commands and options."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

_EPILOG = """\b
Examples:
  fwplan completion bash > ~/.local/share/bash-completion/completions/fwplan
  fwplan completion fish > ~/.config/fish/completions/fwplan.fish
"""


@click.command("completion", epilog=_EPILOG)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print what makes a shell complete fwplan's commands and options."""
    completion = get_completion_class(shell)
    if completion is not None:
        program = click.get_current_context().find_root().command
        click.echo(completion(program, {}, "fwplan", "_FWPLAN_COMPLETE").source())
