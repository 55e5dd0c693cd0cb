"""The program and its commands; a command's module is imported only when it is called, or its help is shown."""

from __future__ import annotations

from importlib import import_module

import click

_COMMANDS = {
    "apply": "make a host agree with definitions, in one transaction",
    "audit": "hold a host, live or saved, against its definitions: drift, broken promises, whose doing",
    "bench": "measure what the rules of many networks cost on this machine, layout by layout",
    "check": "validate definitions: every error of a file, with its line",
    "collect": "write a host's firewall state into one file, for an audit elsewhere",
    "completion": "print what makes a shell complete fwplan's commands and options",
    "confirm": "keep a change that was made with apply --confirm",
    "explain": "say what a network is: kind, bridge, services, filtered or not, and why",
    "graph": "draw a ruleset: hooks, chains, jumps, and whose each is",
    "plan": "preview the firewall operations that definitions lead to; touches nothing",
    "prove": "prove for all packets that layouts, or a plan and a host, do the same",
    "rehearse": "apply a plan in private namespaces, and show who reaches whom",
    "remove": "take the rules of networks away, all and only theirs",
    "trace": "follow one packet through a host, rule by rule",
}


class _Program(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = import_module(f"fwplan.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.group(
    cls=_Program,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="'fwplan COMMAND --help' shows examples. Exit status: 0 done or in agreement, 1 findings, 2 trouble.",
)
@click.version_option(package_name="fwplan", message="%(prog)s %(version)s")
def program() -> None:
    """Plans the firewall of libvirt networks, and says why each rule is there."""
