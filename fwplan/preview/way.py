"""What carries the rules of a plan, and in which layout, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fwplan.plan.plan import Layout

if TYPE_CHECKING:
    from fwplan.plan.plan import Plan

_LAYOUTS = {Layout.LIBVIRT: "libvirt's layout", Layout.MAPS: "the layout maps"}


def way_text(plan: Plan) -> str:
    """`nftables in libvirt's layout`."""
    return f"{plan.backend.value} in {_LAYOUTS[plan.layout]}"
