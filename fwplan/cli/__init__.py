"""The command line: one module a command, each of them thin."""

import gc


def main() -> None:
    """Run `fwplan`."""
    # A command makes values, writes them and ends: there is nothing to collect, and looking for it costs time.
    gc.disable()
    from fwplan.cli.program import program  # noqa: PLC0415 - importing this package is to cost nothing

    program(prog_name="fwplan")
