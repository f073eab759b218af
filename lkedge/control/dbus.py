"""org.lkedge1 on the system bus: the commands of lkedge.control.api as objects, properties, methods and signals.

The daemon lives without dbus-fast and without a bus, and takes the bus up when it comes,
also after it was restarted. $DBUS_SYSTEM_BUS_ADDRESS names another bus.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from lkedge.clock import Clock, SystemClock
from lkedge.control.dbus_names import ANY_NAME, BUS_NAME
from lkedge.control.handler import Handler
from lkedge.control.peer import RefusalLog, Rights

if TYPE_CHECKING:
    from dbus_fast import Message
    from dbus_fast.aio import MessageBus

logger = logging.getLogger(__name__)

CONNECT_DEADLINE_S = 10.0
FIRST_LOOK_S = 1.0
"""dbus-fast takes a tenth of a second to import, several on a small Pi: the room goes first."""

FIRST_RETRY_S = 1.0
MAX_RETRY_S = 30.0
DEFAULT_ADDRESS = "unix:path=/var/run/dbus/system_bus_socket"
"""D-Bus Specification, "System message bus"."""


class BusUnavailable(Exception):
    """There is no bus, or it does not give us our name; the message says why."""


class DbusService:
    """Keeps us on the bus. Owned by the loop.

    is_on_bus: whether we have the name now. bus_name: of `dbus_names.bus_name`.
    The handler is shared with the other spelling, and closed by its owner.
    """

    def __init__(
        self, handler: Handler, rights: Rights, *, clock: Clock | None = None, bus_name: str = BUS_NAME,
        first_retry_s: float = FIRST_RETRY_S, first_look_s: float = FIRST_LOOK_S,
    ) -> None:  # fmt: skip
        self.is_on_bus = False
        self._handler = handler
        self._rights = rights
        self._clock = clock or SystemClock()
        self._refusals = RefusalLog()
        self._bus_name = bus_name
        self._first_retry_s = first_retry_s
        self._first_look_s = first_look_s
        self._task: asyncio.Task[None] | None = None
        self._told = ""

    def start(self) -> None:
        """Begin to look for the bus; returns at once."""
        self._task = asyncio.get_running_loop().create_task(self._run(), name="control.dbus")

    async def stop(self) -> None:
        """Leave the bus. Any number of times."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def _run(self) -> None:
        retry_s = self._first_retry_s
        await asyncio.sleep(self._first_look_s)
        try:
            while True:
                if await self._attempt():
                    retry_s = self._first_retry_s
                await asyncio.sleep(retry_s)
                retry_s = min(2 * retry_s, MAX_RETRY_S)
        except ImportError as error:
            logger.info("not on D-Bus: dbus-fast is not installed (pip install 'lkedge[dbus]'): %s", error)

    async def _attempt(self) -> bool:
        """Whether we have been on the bus. Why not is told once, not at every attempt."""
        if missing := _missing_socket(os.environ):
            self._tell(f"not on D-Bus: there is no {missing}")
            return False
        # Imported late: 4 MB that are not needed where there is no bus.
        from dbus_fast import DBusFastError

        was_on_bus = False
        try:
            await self._serve()
        except (BusUnavailable, DBusFastError, OSError, EOFError, TimeoutError) as error:
            was_on_bus = self.is_on_bus
            self._tell(f"D-Bus is gone: {_reason(error)}" if was_on_bus else f"not on D-Bus: {_reason(error)}")
        except ImportError:
            raise
        except Exception:
            was_on_bus = self.is_on_bus
            logger.exception("the D-Bus interface failed; it is started again")
        finally:
            self.is_on_bus = False
        return was_on_bus

    async def _serve(self) -> None:
        """Connect, be there until the bus goes."""
        from lkedge.control.dbus_callers import Callers
        from lkedge.control.dbus_calls import Calls
        from lkedge.control.dbus_connection import connect
        from lkedge.control.dbus_signals import Signals

        async with asyncio.timeout(CONNECT_DEADLINE_S):
            bus = await connect()
        gone = asyncio.ensure_future(bus.wait_for_disconnect())  # type: ignore[no-untyped-call]
        callers = Callers(bus, self._rights, self._refusals, self._clock)
        calls = Calls(self._handler, callers, _sender(bus))
        bus.add_message_handler(calls.receive)
        try:
            async with asyncio.timeout(CONNECT_DEADLINE_S):
                await _take_name(bus, self._bus_name)
            self.is_on_bus, self._told = True, ""
            logger.info("on D-Bus as %s", self._bus_name)
            await _until(gone, Signals(self._handler, _sender(bus)).run())
        finally:
            await calls.close()
            bus.disconnect()
            # Not cancelled before: dbus-fast takes its reader off the loop when this ends.
            await asyncio.wait([gone], timeout=CONNECT_DEADLINE_S)
            await asyncio.gather(gone, return_exceptions=True)

    def _tell(self, sentence: str) -> None:
        logger.log(logging.DEBUG if sentence == self._told else logging.INFO, "%s", sentence)
        self._told = sentence


def _missing_socket(environ: Mapping[str, str]) -> str:
    """The socket of the system bus when it is not there; "" when it is, or the address is another kind."""
    address = environ.get("DBUS_SYSTEM_BUS_ADDRESS") or DEFAULT_ADDRESS
    path = unquote(address.partition(",")[0].removeprefix("unix:path="))
    is_path = address.startswith("unix:path=") and ";" not in address
    return path if is_path and not os.path.exists(path) else ""


async def _take_name(bus: MessageBus, name: str) -> None:
    from dbus_fast import DBusError, NameFlag, RequestNameReply

    try:
        await bus.request_name(ANY_NAME)
        reply = await bus.request_name(name, NameFlag.DO_NOT_QUEUE)
    except DBusError as error:
        raise BusUnavailable(
            f"{error.text}; is the policy /usr/share/dbus-1/system.d/org.lkedge1.conf there?"
        ) from error
    if reply not in (RequestNameReply.PRIMARY_OWNER, RequestNameReply.ALREADY_OWNER):
        raise BusUnavailable(f"another process is {name}; set `dbus = false` in [control] of one of them")


async def _until(gone: asyncio.Future[None], running: Coroutine[Any, Any, None]) -> None:
    """Run until the bus is gone, or what runs fails; raises the reason."""
    task = asyncio.get_running_loop().create_task(running, name="control.dbus.signals")
    try:
        done, _ = await asyncio.wait([gone, task], return_when=asyncio.FIRST_COMPLETED)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    for one in done:
        one.result()


def _sender(bus: MessageBus) -> Callable[[Message], Awaitable[None]]:
    """Writes to the bus, and says ConnectionError when that is gone."""

    async def send(message: Message) -> None:
        try:
            await bus.send(message)
        except (OSError, EOFError) as error:
            raise ConnectionError(_reason(error)) from error

    return send


def _reason(error: BaseException) -> str:
    if isinstance(error, EOFError):
        return "it closed the connection"
    return str(error) or ("it does not answer" if isinstance(error, TimeoutError) else type(error).__name__)
