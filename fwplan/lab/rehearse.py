"""Rehearses plans: starts the process inside, gives it the assignment, and gets the results."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self

from fwplan.errors import HostError
from fwplan.lab.assignment import Assignment, Failure
from fwplan.lab.make_world import make_world
from fwplan.lab.namespaces import NotPermittedError
from fwplan.lab.networks import neighbour_of, with_named_bridges
from fwplan.lab.probes import make_probes
from fwplan.lab.promised import promised
from fwplan.lab.rehearsal import Rehearsal
from fwplan.plan.plan import Backend, Layout, make_plan

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from fwplan.network.definition import Network
    from fwplan.plan.plan import Plan


def rehearse(
    networks: Sequence[Network],
    *,
    backend: Backend = Backend.NFTABLES,
    layout: Layout = Layout.LIBVIRT,
    beside: str = "",
) -> Rehearsal:
    """Apply the plan of networks in a world of private namespaces, and find out who reaches whom.

    Args:
        networks: definitions, in the order in which the networks are started.
        backend: what carries the rules.
        layout: how promises become rules.
        beside: an nft script with rules of others, which are there first.

    Raises:
        HostError: the lab cannot be made, or the plan not be applied in it; NotPermittedError where this user may make
            no namespaces.
        InvalidDefinitionError: a definition is not one that libvirt would accept, or two exclude each other.
    """
    with Lab() as lab:
        plan, labs_own = plan_with_neighbour(networks, backend=backend, layout=layout)
        return lab.rehearse(plan, labs_own=labs_own, beside=beside)


def plan_with_neighbour(
    networks: Sequence[Network], *, backend: Backend, layout: Layout, checked: bool = False
) -> tuple[Plan, str | None]:
    """The plan of networks, with another one if there is only one to rehearse; and the name of that."""
    neighbour = neighbour_of(networks)
    together = with_named_bridges([*networks, *([] if neighbour is None else [neighbour])])
    plan = make_plan(together, backend=backend, layout=layout, checked=checked)
    return plan, None if neighbour is None else neighbour.name


class Lab:
    """A process inside that waits for an assignment; a context manager that ends it."""

    def __init__(self) -> None:
        """Start it."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "fwplan.lab.inside"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd="/",
            start_new_session=True,  # a Ctrl-C is for this process, which ends the other
        )

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, place: TracebackType | None
    ) -> None:
        """End the process and all that it has made, and wait until it has gone."""
        self._process.kill()
        with suppress(BrokenPipeError, ValueError):
            self._process.communicate()

    def rehearse(self, plan: Plan, *, labs_own: str | None = None, beside: str = "") -> Rehearsal:
        """Apply a plan, once, and find out who reaches whom.

        Args:
            plan: of the networks, set-up included.
            labs_own: the name of the network that nobody asked for.
            beside: an nft script with rules of others, which are there first.

        Raises:
            HostError: the lab cannot be made, or the plan not be applied in it.
        """
        world = make_world(plan, labs_own)
        probes = make_probes(world)
        assignment = Assignment(plan, world, probes, promised(world, probes), beside)
        answer, _ = self._process.communicate(pickle.dumps(assignment))
        if not answer:
            raise HostError("the lab ended without a word")
        # From the process that this one has started, by a pipe of the two.
        results = pickle.loads(answer)  # noqa: S301
        if isinstance(results, Failure):
            raise NotPermittedError(_advice(results.message)) if results.not_permitted else HostError(results.message)
        return Rehearsal(plan, world, results, bool(beside))


def _advice(why: str) -> str:
    """Why this user may make no namespaces, and what to do about it."""
    lines = [f"the rehearsal needs user and network namespaces, and may not make them here ({why})"]
    lines += [advice for (name, value), advice in _REMEDIES.items() if _setting(name) == value]
    if any(Path(sign).exists() for sign in ("/.dockerenv", "/run/.containerenv")):
        lines.append("this is a container: start it with --privileged, or run fwplan outside of it")
    elif os.geteuid() != 0:
        lines.append("or run it as root")
    return "\n  ".join(lines)


_REMEDIES = {
    ("kernel/unprivileged_userns_clone", "0"): "let users make them: sysctl kernel.unprivileged_userns_clone=1",
    ("kernel/apparmor_restrict_unprivileged_userns", "1"): "AppArmor keeps users from it, as on Ubuntu from 23.10 on: "
    "sysctl kernel.apparmor_restrict_unprivileged_userns=0",
    ("user/max_user_namespaces", "0"): "none are allowed: sysctl user.max_user_namespaces=10000",
    ("user/max_net_namespaces", "0"): "no network namespaces are allowed: sysctl user.max_net_namespaces=10000",
}
"""Settings of the kernel that stand in the way, and what to do."""


def _setting(name: str) -> str:
    try:
        return Path("/proc/sys", name).read_text(encoding="ascii").strip()
    except OSError:
        return ""
