"""firewalld over D-Bus: which zones it has, and which interfaces are in them.

A bus may be that of another network namespace than the one at hand, as in a container. Only the firewalld that guards
this namespace counts.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fwplan.errors import HostError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from jeepney import DBusErrorResponse, Message
    from jeepney.io.blocking import DBusConnection

_NAME = "org.fedoraproject.FirewallD1"
_PATH = "/org/fedoraproject/FirewallD1"
_ZONE = f"{_NAME}.zone"
_POLICY = f"{_NAME}.policy"
_BUS = Path("/var/run/dbus/system_bus_socket")
_ADDRESS = "DBUS_SYSTEM_BUS_ADDRESS"
_PATIENCE = 30.0
"""Seconds that firewalld may take for one answer; it may be busy with a reload."""


@dataclass(frozen=True, slots=True)
class Firewalld:
    """A firewalld that runs.

    Attributes:
        zones: the names of its zones.
        policies: the names of its policies; none where it is older than policies are.
        zone_of: the zone of each interface that was put in one.
    """

    zones: frozenset[str]
    policies: frozenset[str] = frozenset()
    zone_of: Mapping[str, str] = field(default_factory=dict)


def find() -> Firewalld | None:
    """What the firewalld of this network namespace knows; None where none runs.

    Raises:
        HostError: it does not answer.
    """
    with _connection() as connection:
        if connection is None or not _guards_this_namespace(connection):
            return None
        zones = _call(connection, _ZONE, "getZones")
        active = _call(connection, _ZONE, "getActiveZones")
        try:
            policies = _call(connection, _POLICY, "getPolicies")
        except _RefusedError:
            policies = []
    members = {interface: zone for zone, members_of in active.items() for interface in members_of.get("interfaces", ())}
    return Firewalld(frozenset(zones), frozenset(policies), members)


def change_zone(zone: str, interface: str) -> None:
    """Put an interface in a zone, out of any that it is in.

    Raises:
        HostError: firewalld does not run, or refused.
    """
    _change("changeZoneOfInterface", zone, interface)


def leave_zone(zone: str, interface: str) -> None:
    """Take an interface out of its zone.

    Raises:
        HostError: firewalld does not run, or refused.
    """
    _change("removeInterface", zone, interface)


class _RefusedError(HostError):
    """firewalld answered with an error."""


def _change(method: str, zone: str, interface: str) -> None:
    with _connection() as connection:
        if connection is None or not _guards_this_namespace(connection):
            raise HostError("firewalld does not run")
        _call(connection, _ZONE, method, zone, interface)


@contextmanager
def _connection() -> Iterator[DBusConnection | None]:
    """A connection to the system's bus; None where there is none.

    Raises:
        HostError: there is one that does not answer as a bus does.
    """
    if _ADDRESS not in os.environ and not _BUS.exists():
        yield None
        return
    from jeepney.io.blocking import open_dbus_connection  # noqa: PLC0415 - without a bus nobody needs it

    try:
        connection = open_dbus_connection("SYSTEM")
    except (FileNotFoundError, ConnectionRefusedError):
        yield None
        return
    except (OSError, ValueError, RuntimeError) as error:
        raise HostError(f"the system's D-Bus cannot be asked for firewalld: {error}") from None
    try:
        yield connection
    finally:
        connection.close()


def _guards_this_namespace(connection: DBusConnection) -> bool:
    """Whether there is a firewalld, and its network namespace is the one that this thread is in."""
    from jeepney.bus_messages import message_bus  # noqa: PLC0415 - loaded with the connection

    try:
        (process,) = _reply(connection, message_bus.GetConnectionUnixProcessID(_NAME))
    except _RefusedError:
        return False
    try:
        theirs = Path(f"/proc/{process}/ns/net").stat()
    except FileNotFoundError:
        return False
    except PermissionError:
        return True
    ours = Path("/proc/thread-self/ns/net").stat()
    return (theirs.st_dev, theirs.st_ino) == (ours.st_dev, ours.st_ino)


def _call(connection: DBusConnection, interface: str, method: str, *words: str) -> Any:  # noqa: ANN401 - a value of D-Bus
    from jeepney import DBusAddress, new_method_call  # noqa: PLC0415 - loaded with the connection

    address = DBusAddress(_PATH, bus_name=_NAME, interface=interface)
    (value,) = _reply(connection, new_method_call(address, method, "s" * len(words) or None, words))
    return value


def _reply(connection: DBusConnection, message: Message) -> tuple[Any, ...]:
    from jeepney import DBusErrorResponse  # noqa: PLC0415 - loaded with the connection
    from jeepney.wrappers import unwrap_msg  # noqa: PLC0415

    try:
        body: tuple[Any, ...] = unwrap_msg(connection.send_and_get_reply(message, timeout=_PATIENCE))
    except DBusErrorResponse as error:
        raise _RefusedError(f"firewalld: {_said(error)}") from None
    except TimeoutError:
        raise HostError(f"firewalld does not answer in {_PATIENCE:g} seconds") from None
    except (OSError, ValueError) as error:
        raise HostError(f"firewalld cannot be asked: {error}") from None
    return body


def _said(error: DBusErrorResponse) -> str:
    """What firewalld complains of, or else the name of the error."""
    return next((word for word in error.data if isinstance(word, str) and word), error.name)
