# lkedge: pure
"""All checks, in the order of the report."""

from __future__ import annotations

from lkedge.doctor.checks_devices import check_devices
from lkedge.doctor.checks_machine import check_machine
from lkedge.doctor.checks_network import check_network
from lkedge.doctor.checks_service import check_service
from lkedge.doctor.facts import Facts
from lkedge.doctor.finding import Finding


def examine(facts: Facts) -> tuple[Finding, ...]:
    """What there is to say about a machine."""
    return (*check_machine(facts), *check_devices(facts), *check_service(facts), *check_network(facts))
