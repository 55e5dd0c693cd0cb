"""The command line: one module a command, each of them thin."""


def main() -> None:
    """Run `fwplan`."""
    from fwplan.cli.program import program  # noqa: PLC0415 - importing this package is to cost nothing

    program(prog_name="fwplan")
