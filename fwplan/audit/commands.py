"""Commands of fwplan itself that help."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fwplan.plan.plan import Backend, Layout

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fwplan.plan.plan import Plan

_MOST_FILES = 3
"""That a command names, before it is shortened."""


@dataclass(frozen=True)
class Commands:
    """Commands of fwplan itself, with the files of the definitions that they are about.

    Attributes:
        plan: of the networks.
        files: the file of each network's definition, by its name, as far as that is known.
    """

    plan: Plan
    files: Mapping[str, str]

    def apply(self, networks: Iterable[str] | None = None, *options: str) -> str:
        """`fwplan apply` for these networks; for all where none are given."""
        if self.plan.backend is not Backend.NFTABLES:
            options = (*options, "--backend", self.plan.backend.value)
        if self.plan.layout is not Layout.LIBVIRT:
            options = (*options, "--layout", self.plan.layout.value)
        names = [share.network.name for share in self.plan.networks] if networks is None else list(networks)
        files = [self.files.get(name, "") for name in names]
        if not files or not all(files) or "-" in files:
            words = ["DEFINITION…"]
        else:
            words = [shlex.quote(file) for file in files[:_MOST_FILES]] + ["…"] * (len(files) > _MOST_FILES)
        return " ".join(["fwplan apply", *options, *words])

    def repair(self, networks: Iterable[str] | None = None) -> tuple[str, ...]:
        """What makes the rules of networks right again."""
        return "# puts back what is missing, and takes away what is too much:", self.apply(networks)
