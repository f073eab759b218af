"""One page in headless Chromium, driven from a test through page.mjs."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
START_DEADLINE_S = 40.0
COMMAND_DEADLINE_S = 30.0
CLOSE_DEADLINE_S = 10.0
POLL_INTERVAL_S = 0.1


class PageError(AssertionError):
    """The page, or Chromium, could not do what was asked."""


class Page:
    """A browser page; `async with Page() as page`. Its process group is ended with it."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Page:
        self._process = await asyncio.create_subprocess_exec(
            "node",
            str(FOLDER / "page.mjs"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "CHROMIUM": chromium_path()},
            start_new_session=True,
        )
        try:
            await self._answer(START_DEADLINE_S)
        except BaseException:
            await self._end()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._process
        assert self._process.stdin
        try:
            self._process.stdin.write(b'{"do": "close"}\n')
            await asyncio.wait_for(self._process.wait(), CLOSE_DEADLINE_S)
        except (OSError, TimeoutError):
            pass
        await self._end()

    async def open(self, url: str) -> None:
        await self._do("open", url=url)

    async def eval(self, js: str) -> Any:
        """The JSON value of an expression, awaited in the page."""
        return await self._do("eval", js=js)

    async def text(self, selector: str) -> str:
        found: str = await self.eval(f"document.querySelector({json.dumps(selector)}).textContent")
        return found

    async def click(self, selector: str) -> None:
        await self._do("click", selector=selector)

    async def viewport(self, width: int, height: int) -> None:
        await self._do("viewport", width=width, height=height)

    async def screenshot(self, path: Path, selector: str = "") -> bytes:
        """A PNG of the page, or of one element, also written to `path`."""
        path.parent.mkdir(parents=True, exist_ok=True)
        await self._do("screenshot", path=str(path), selector=selector)
        return path.read_bytes()

    async def problems(self) -> list[str]:
        """What the page wrote to its console as errors since the last call."""
        found: list[str] = await self._do("problems")
        return found

    async def wait_for(self, js: str, deadline_s: float = 20.0) -> Any:
        """Until the expression is true; its value then. The failure says what the page shows."""
        try:
            async with asyncio.timeout(deadline_s):
                while not (value := await self.eval(js)):
                    await asyncio.sleep(POLL_INTERVAL_S)
                return value
        except TimeoutError:
            shown = await self.eval("document.body.innerText")
            raise PageError(f"not within {deadline_s} s: {js}\nthe page says:\n{shown}") from None

    async def _do(self, command: str, **arguments: Any) -> Any:
        assert self._process
        assert self._process.stdin
        self._process.stdin.write(json.dumps({"do": command, **arguments}).encode() + b"\n")
        return await self._answer(COMMAND_DEADLINE_S)

    async def _answer(self, deadline_s: float) -> Any:
        assert self._process
        assert self._process.stdout
        line = await asyncio.wait_for(self._process.stdout.readline(), deadline_s)
        if not line:
            raise PageError("Chromium or node ended; its message is in the captured standard error")
        answer = json.loads(line)
        if "error" in answer:
            raise PageError(answer["error"])
        return answer["ok"]

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


def chromium_path() -> str:
    """Debian's Chromium. Raises PageError with the remedy."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None or not (FOLDER / "node_modules" / "puppeteer-core").is_dir():
        raise PageError("no Chromium or no puppeteer-core: run `make test`, or tools/setup-browser.sh")
    return found
