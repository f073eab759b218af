# lkedge: pure
"""On which line of a TOML text each key stands.

`tomllib` gives values without positions. This walks the same text once more, knowing just
enough of TOML to skip its values; the text has already been accepted by `tomllib`.
"""

from __future__ import annotations

import json

KeyPath = tuple[str | int, ...]
"""Keys from the outside in; an int is the index in an array."""

_BLANK = " \t"
_SPACE = " \t\r\n"
_BARE_END = ",]}#\r\n"


def locate(text: str) -> dict[KeyPath, int]:
    """Line numbers, from 1, of every key, table header and array element of valid TOML."""
    scanner = _Scanner(text)
    scanner.document()
    return scanner.lines


class _Scanner:
    def __init__(self, text: str) -> None:
        self.lines: dict[KeyPath, int] = {}
        self._text = text
        self._at = 0
        self._line = 1
        self._array_sizes: dict[KeyPath, int] = {}

    def document(self) -> None:
        table: KeyPath = ()
        self._skip_space()
        while self._at < len(self._text):
            if self._peek() == "[":
                table = self._header()
            else:
                self._pair(table)
            self._skip_space()

    def _header(self) -> KeyPath:
        is_array = self._text.startswith("[[", self._at)
        self._move(2 if is_array else 1)
        line = self._line
        *parents, last = self._dotted_key()
        self._move(2 if is_array else 1)
        path = (*self._resolved(parents), last)
        if is_array:
            index = self._array_sizes.get(path, 0)
            self._array_sizes[path] = index + 1
            self.lines.setdefault(path, line)
            path = (*path, index)
        elif path in self._array_sizes:
            path = self._resolved([*parents, last])
        self.lines.setdefault(path, line)
        return path

    def _resolved(self, keys: list[str]) -> KeyPath:
        """The keys with the index of the latest element after each array of tables."""
        path: KeyPath = ()
        for key in keys:
            path = (*path, key)
            if path in self._array_sizes:
                path = (*path, self._array_sizes[path] - 1)
        return path

    def _pair(self, table: KeyPath) -> None:
        line = self._line
        path = table
        for key in self._dotted_key():
            path = (*path, key)
            self.lines.setdefault(path, line)
        self._move(1)
        self._skip_blank()
        self._value(path)

    def _dotted_key(self) -> list[str]:
        """Reads up to, not including, the "=" or "]" behind the key."""
        keys = [self._simple_key()]
        while self._peek() == ".":
            self._move(1)
            keys.append(self._simple_key())
        return keys

    def _simple_key(self) -> str:
        self._skip_blank()
        start = self._at
        if self._peek() in "\"'":
            self._string()
            key = _unquoted(self._text[start : self._at])
        else:
            while self._peek() not in ".=] \t":
                self._move(1)
            key = self._text[start : self._at]
        self._skip_blank()
        return key

    def _value(self, path: KeyPath) -> None:
        first = self._peek()
        if first and first in "\"'":
            self._string()
        elif first == "[":
            self._array(path)
        elif first == "{":
            self._inline_table(path)
        else:
            while self._peek() and self._peek() not in _BARE_END:
                self._move(1)

    def _string(self) -> None:
        quote = self._peek()
        end = quote * 3 if self._text.startswith(quote * 3, self._at) else quote
        self._move(len(end))
        while not self._text.startswith(end, self._at):
            self._move(2 if self._peek() == "\\" and quote == '"' else 1)
        self._move(len(end))
        while len(end) == 3 and self._peek() == quote:
            self._move(1)

    def _array(self, path: KeyPath) -> None:
        self._move(1)
        index = 0
        self._skip_space()
        while self._peek() != "]":
            self.lines.setdefault((*path, index), self._line)
            self._value((*path, index))
            index += 1
            self._skip_separator()
        self._move(1)

    def _inline_table(self, path: KeyPath) -> None:
        self._move(1)
        self._skip_space()
        while self._peek() != "}":
            self._pair(path)
            self._skip_separator()
        self._move(1)

    def _skip_separator(self) -> None:
        self._skip_space()
        if self._peek() == ",":
            self._move(1)
            self._skip_space()

    def _skip_blank(self) -> None:
        while self._peek() and self._peek() in _BLANK:
            self._move(1)

    def _skip_space(self) -> None:
        while self._peek() and self._peek() in _SPACE + "#":
            if self._peek() == "#":
                end = self._text.find("\n", self._at)
                self._move((len(self._text) if end < 0 else end) - self._at)
            else:
                self._move(1)

    def _peek(self) -> str:
        return self._text[self._at] if self._at < len(self._text) else ""

    def _move(self, count: int) -> None:
        self._line += self._text.count("\n", self._at, self._at + count)
        self._at += count


def _unquoted(key: str) -> str:
    if key[0] == "'":
        return key[1:-1]
    try:
        return str(json.loads(key))
    except ValueError:
        return key[1:-1]
