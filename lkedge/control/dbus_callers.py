"""Who calls on the bus, and whether they may."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import Any

from dbus_fast import Message, MessageType
from dbus_fast.aio import MessageBus

from lkedge.clock import Clock
from lkedge.control.api import Access
from lkedge.control.errors import Code, ControlError
from lkedge.control.peer import Peer, RefusalLog, Rights, groups_of_user

MAX_CALLERS = 256
"""Connections whose credentials are remembered; they never change while a connection lasts."""

ANSWER_DEADLINE_S = 5.0
"""Of the bus itself."""

GONE = Peer(0, -1, frozenset())
"""A caller that the bus does not know any more. It may do nothing."""


class Callers:
    """Knows the callers of one connection to the bus. Owned by the loop."""

    def __init__(self, bus: MessageBus, rights: Rights, refusals: RefusalLog, clock: Clock) -> None:
        self._bus = bus
        self._rights = rights
        self._refusals = refusals
        self._clock = clock
        self._known: OrderedDict[str, Peer] = OrderedDict()

    async def check(self, sender: str, access: Access, what: str) -> bool:
        """Pass, or refuse and log it.

        sender: unique name. what: for the sentence, such as "mute".

        Returns:
            Whether it is a guest, who may only read.

        Raises:
            ControlError: `forbidden`.
        """
        peer = await self._peer(sender)
        if self._rights.permits(peer, access):
            return not self._rights.permits(peer, Access.CHANGE)
        self._refusals.note(peer, f"{what} on the bus", self._clock.monotonic_ns())
        raise ControlError(Code.FORBIDDEN, f"you may not call {what}: {self._rights.remedy(access)}")

    async def may_read(self, sender: str) -> bool:
        """The same as a question, which is not logged."""
        return self._rights.permits(await self._peer(sender), Access.READ)

    async def _peer(self, sender: str) -> Peer:
        if peer := self._known.get(sender):
            return peer
        credentials = await self._credentials(sender)
        if credentials is None:
            return GONE
        self._known[sender] = peer = peer_of_credentials(credentials)
        if len(self._known) > MAX_CALLERS:
            self._known.popitem(last=False)
        return peer

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


def peer_of_credentials(credentials: dict[str, Any]) -> Peer:
    """From GetConnectionCredentials (D-Bus Specification); dbus-daemon before 1.14 tells no groups."""
    user = int(credentials["UnixUserID"])
    groups = credentials.get("UnixGroupIDs")
    told = groups_of_user(user) if groups is None else groups
    return Peer(int(credentials.get("ProcessID", 0)), user, frozenset(told))
