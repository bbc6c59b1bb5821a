"""A real browser on a pipe: it opens pages at any width, and tells what it complained of and how wide they came out."""

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import time
from contextlib import contextmanager

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
SWITCHES = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--remote-debugging-pipe",
)  # fmt: skip
PATIENCE = 90.0


class Browser:
    """Speaks Chromium's protocol for developers: messages in JSON, each ended by a zero byte."""

    def __init__(self, into, out_of):
        self.into, self.out_of = into, out_of
        self.number, self.rest, self.events = 0, b"", []
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Log", "Runtime"):
            self.ask(f"{domain}.enable")

    def ask(self, method, **given):
        self.number += 1
        message = {"id": self.number, "method": method, "params": given}
        if hasattr(self, "session"):
            message["sessionId"] = self.session
        os.write(self.into, json.dumps(message).encode() + b"\0")
        while True:
            found = self._next()
            if found.get("id") == self.number:
                assert "error" not in found, found
                return found["result"]
            self.events.append(found)

    def _next(self):
        until = time.monotonic() + PATIENCE
        while b"\0" not in self.rest:
            ready, _, _ = select.select([self.out_of], [], [], max(0.0, until - time.monotonic()))
            assert ready, "the browser said nothing"
            given = os.read(self.out_of, 1 << 20)
            assert given, "the browser has gone"
            self.rest += given
        message, _, self.rest = self.rest.partition(b"\0")
        return json.loads(message)

    def open(self, address, width, height=1180):
        """Show a page; gives what was complained of while it was loaded."""
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.events = []
        self.ask("Page.navigate", url=address)
        while not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            self.events.append(self._next())
        told = ("Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown")
        return [event["params"] for event in self.events if event.get("method") in told]

    def value(self, expression):
        """What an expression has for a value in the page."""
        return self.ask("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get("value")

    def picture(self, path):
        """The whole page as PNG."""
        given = self.ask("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(given["data"]))

    def printed(self, path):
        """The page as it is printed on A4, as PDF."""
        given = self.ask("Page.printToPDF", paperWidth=8.27, paperHeight=11.69, printBackground=True)
        path.write_bytes(base64.b64decode(given["data"]))


@contextmanager
def browser(folder):
    """Chromium with a profile of its own, ended with the block."""
    # The descriptors 3 and 4 are the protocol's, so all of ours lie above them.
    they_read, we_write, we_read, they_write = (_above(number) for pair in (os.pipe(), os.pipe()) for number in pair)

    def pipes():
        os.dup2(they_read, 3)
        os.dup2(they_write, 4)

    process = subprocess.Popen(
        [CHROMIUM, *SWITCHES, f"--user-data-dir={folder / 'profile'}"], preexec_fn=pipes, close_fds=False,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(they_read)
    os.close(they_write)
    try:
        yield Browser(we_write, we_read)
    finally:
        process.kill()
        process.wait(timeout=30)
        os.close(we_write)
        os.close(we_read)


def _above(number):
    found = fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, 10)
    os.close(number)
    return found
