# lkedge: pure
"""The journal's side of a log record: the events that have an id, and the fields.

`logger.warning("...", extra=event(MessageId.SOURCE_LOST, track="front"))` gives a record the
fields MESSAGE_ID and LKEDGE_TRACK, by which `journalctl` finds it, and for which
systemd/catalog/lkedge.catalog has an explanation and a remedy. Where there is no journal,
they are left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

TRACK = "LKEDGE_TRACK"
RID = "LKEDGE_RID"
ROOM = "LKEDGE_ROOM"
MESSAGE_ID = "MESSAGE_ID"

FIELDS = (MESSAGE_ID, TRACK, RID, ROOM)
"""What a record may carry beside its text; also what a worker may add to a line of its own."""


class MessageId(StrEnum):
    """Which event a record tells of. Never changed once released: people search for them."""

    JOINED = "e363f57fdfdb4a3abd5fb8ea3806e230"
    LOST = "e6dc8279fb7748bcb295a115905fd823"
    SOURCE_LOST = "70e5c572ee944e569112e25d4b9d1392"
    SOURCE_BACK = "fef71fbca39541a1a5eb57f85ecb8c90"
    ENCODER_REPLACED = "c29c640123754a95b13b1ba69e87f6f5"
    CONFIG_REFUSED = "16d0e7c554dd4876855ef0aa9dad9603"
    WORKER_DIED = "7d72c58f2550411ea849466fa7b32500"
    PART_STUCK = "a0655e52887a4d058dcf8f0506107e9c"
    CLOCK_SET = "98356c7262fc403c901ea634a3ac4b06"


def event(message_id: MessageId | None = None, *, track: str = "", rid: str = "", room: str = "") -> dict[str, str]:
    """The `extra` of a log call."""
    given = {MESSAGE_ID: message_id.value if message_id else "", TRACK: track, RID: rid, ROOM: room}
    return {name: value for name, value in given.items() if value}


def fields_of(attributes: Mapping[str, object]) -> dict[str, str]:
    """Those fields that are among the attributes of a log record, or in what a worker sent."""
    return {name: str(attributes[name]) for name in FIELDS if attributes.get(name)}
