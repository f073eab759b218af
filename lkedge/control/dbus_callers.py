"""Who calls on the bus, and whether they may."""

from __future__ import annotations

import asyncio
import grp
import logging
import os
import pwd
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from dbus_fast import Message, MessageType
from dbus_fast.aio import MessageBus

from lkedge.config.models import ControlConfig
from lkedge.control.api import Access
from lkedge.control.errors import Code, ControlError

logger = logging.getLogger(__name__)

MAX_CALLERS = 256
"""Connections whose credentials are remembered; they never change while a connection lasts."""

ANSWER_DEADLINE_S = 5.0
"""Of the bus itself."""


@dataclass(frozen=True, slots=True)
class Caller:
    """The process behind a connection. process: 0 when the bus does not tell."""

    user: int
    groups: frozenset[int]
    process: int = 0


def may(caller: Caller, access: Access, config: ControlConfig) -> bool:
    """Root, our own user and the group may do everything; others may look where the configuration says so."""
    if caller.user in (0, os.geteuid()) or _group_id(config.socket_group) in caller.groups:
        return True
    return access is Access.READ and config.is_open_to_read


class Callers:
    """Knows the callers of one connection to the bus. Owned by the loop."""

    def __init__(self, bus: MessageBus, config: ControlConfig) -> None:
        self._bus = bus
        self._config = config
        self._known: OrderedDict[str, Caller] = OrderedDict()
        self._told: set[str] = set()

    async def check(self, sender: str, access: Access, what: str) -> None:
        """Pass, or refuse and log it; one line for each connection, so that nobody can fill the journal.

        sender: unique name. what: for the sentence, such as "mute".

        Raises:
            ControlError: `forbidden`.
        """
        caller = await self._caller(sender)
        if caller is not None and may(caller, access, self._config):
            return
        level = logging.DEBUG if sender in self._told else logging.WARNING
        self._remember_refusal(sender)
        who = f"user {caller.user} (process {caller.process})" if caller else "a caller that has gone"
        logger.log(level, "refused on the bus: %s may not call %s", who, what)
        group = f" and the group {self._config.socket_group}" if self._config.socket_group else ""
        raise ControlError(Code.FORBIDDEN, f"{what} is for root{group} only")

    async def _caller(self, sender: str) -> Caller | None:
        """None when the bus does not know it any more."""
        if caller := self._known.get(sender):
            return caller
        credentials = await self._credentials(sender)
        if credentials is None:
            return None
        self._known[sender] = caller = caller_of(credentials)
        if len(self._known) > MAX_CALLERS:
            self._known.popitem(last=False)
        return caller

    async def _credentials(self, sender: str) -> dict[str, Any] | None:
        question = Message(
            destination="org.freedesktop.DBus",
            path="/org/freedesktop/DBus",
            interface="org.freedesktop.DBus",
            member="GetConnectionCredentials",
            signature="s",
            body=[sender],
        )
        async with asyncio.timeout(ANSWER_DEADLINE_S):
            reply = await self._bus.call(question)
        if reply is None or reply.message_type is not MessageType.METHOD_RETURN:
            return None
        credentials = {name: variant.value for name, variant in reply.body[0].items()}
        return credentials if "UnixUserID" in credentials else None

    def _remember_refusal(self, sender: str) -> None:
        if len(self._told) >= MAX_CALLERS:
            self._told.clear()
        self._told.add(sender)


def caller_of(credentials: dict[str, Any]) -> Caller:
    """From GetConnectionCredentials (D-Bus Specification); dbus-daemon before 1.14 tells no groups."""
    user = int(credentials["UnixUserID"])
    groups = credentials.get("UnixGroupIDs")
    return Caller(user, frozenset(_groups_of(user) if groups is None else groups), credentials.get("ProcessID", 0))


def _groups_of(user: int) -> list[int]:
    try:
        entry = pwd.getpwuid(user)
    except KeyError:
        return []
    return os.getgrouplist(entry.pw_name, entry.pw_gid)


def _group_id(name: str) -> int | None:
    """None for a group that this machine does not have."""
    try:
        return grp.getgrnam(name).gr_gid if name else None
    except KeyError:
        return None
