# lkedge: pure
"""Introspection XML (D-Bus Specification, "Introspection Data Format")."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lkedge.control.dbus_interfaces import INTERFACES, Argument, Interface, Method, Property, Signal
from lkedge.control.dbus_names import INTROSPECTABLE, OBJECT_MANAGER, PEER, PROPERTIES

DOCTYPE = """\
<!DOCTYPE node PUBLIC "-//freedesktop//DTD D-BUS Object Introspection 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/introspect.dtd">
"""

EMITS_CHANGED = "org.freedesktop.DBus.Property.EmitsChangedSignal"
DOC = "org.gtk.GDBus.DocString"

_STANDARD = f"""\
  <interface name="{INTROSPECTABLE}">
    <method name="Introspect"><arg name="xml" type="s" direction="out"/></method>
  </interface>
  <interface name="{PEER}">
    <method name="Ping"/>
    <method name="GetMachineId"><arg name="machine_id" type="s" direction="out"/></method>
  </interface>
"""

_PROPERTIES = f"""\
  <interface name="{PROPERTIES}">
    <method name="Get">
      <arg name="interface" type="s" direction="in"/>
      <arg name="property" type="s" direction="in"/>
      <arg name="value" type="v" direction="out"/>
    </method>
    <method name="GetAll">
      <arg name="interface" type="s" direction="in"/>
      <arg name="properties" type="a{{sv}}" direction="out"/>
    </method>
    <method name="Set">
      <arg name="interface" type="s" direction="in"/>
      <arg name="property" type="s" direction="in"/>
      <arg name="value" type="v" direction="in"/>
    </method>
    <signal name="PropertiesChanged">
      <arg name="interface" type="s"/>
      <arg name="changed" type="a{{sv}}"/>
      <arg name="invalidated" type="as"/>
    </signal>
  </interface>
"""

_OBJECT_MANAGER = f"""\
  <interface name="{OBJECT_MANAGER}">
    <method name="GetManagedObjects">
      <arg name="objects" type="a{{oa{{sa{{sv}}}}}}" direction="out"/>
    </method>
    <signal name="InterfacesAdded">
      <arg name="object" type="o"/>
      <arg name="interfaces" type="a{{sa{{sv}}}}"/>
    </signal>
    <signal name="InterfacesRemoved">
      <arg name="object" type="o"/>
      <arg name="interfaces" type="as"/>
    </signal>
  </interface>
"""


def node_xml(interface: str | None, children: Iterable[str], *, is_root: bool = False) -> str:
    """What Introspect answers. interface: of ours, None for a mere folder of objects."""
    parts = [DOCTYPE, "<node>\n", _STANDARD]
    if interface is not None:
        parts += [_PROPERTIES, _OBJECT_MANAGER if is_root else "", _indented(interface_lines(INTERFACES[interface]))]
    parts += [f"  <node name={_quoted(child)}/>\n" for child in sorted(children)]
    return "".join([*parts, "</node>\n"])


def interface_file(interface: Interface) -> str:
    """The file of one interface in /usr/share/dbus-1/interfaces, with texts for people."""
    head = "<!-- Made by tools/make_dbus_interfaces.py from the table of commands; do not edit. -->\n"
    return "".join([DOCTYPE, head, "<node>\n", _indented(interface_lines(interface, is_documented=True)), "</node>\n"])


def interface_lines(interface: Interface, *, is_documented: bool = False) -> Iterator[str]:
    """The element of one interface."""
    yield f'<interface name="{interface.name}">'
    if is_documented:
        yield f"  {_documentation(interface.summary)}"
    for method in interface.methods:
        yield from _method(method, is_documented)
    for signal in interface.signals:
        yield from _signal(signal, is_documented)
    for one in interface.properties:
        yield from _property(one)
    yield "</interface>"


def _method(method: Method, is_documented: bool) -> Iterator[str]:
    yield f'  <method name="{method.name}">'
    if is_documented:
        yield f"    {_documentation(method.command.summary)}"
    yield from (_argument(argument, ' direction="in"') for argument in method.takes)
    yield from (_argument(argument, ' direction="out"') for argument in method.gives)
    yield "  </method>"


def _signal(signal: Signal, is_documented: bool) -> Iterator[str]:
    yield f'  <signal name="{signal.name}">'
    if is_documented:
        yield f"    {_documentation(signal.summary)}"
    yield from (_argument(argument, "") for argument in signal.arguments)
    yield "  </signal>"


def _property(one: Property) -> Iterator[str]:
    access = "readwrite" if one.setters else "read"
    opening = f'  <property name="{one.name}" type="{one.signature}" access="{access}"'
    if not one.is_constant:
        yield f"{opening}/>"
        return
    yield f"{opening}>"
    yield f'    <annotation name="{EMITS_CHANGED}" value="const"/>'
    yield "  </property>"


def _argument(argument: Argument, direction: str) -> str:
    return f'    <arg name="{argument.name}" type="{argument.signature}"{direction}/>'


def _documentation(text: str) -> str:
    return f'<annotation name="{DOC}" value={_quoted(text)}/>'


def _quoted(text: str) -> str:
    """As the value of an attribute; `xml.sax.saxutils` would do the same, and import urllib."""
    for character, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;")):
        text = text.replace(character, entity)
    return f'"{text}"'


def _indented(lines: Iterable[str]) -> str:
    return "".join(f"  {line}\n" for line in lines)
