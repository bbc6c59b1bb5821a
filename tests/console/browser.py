"""A real browser on a pipe: it opens pages at any width, and tells what it complained of and how wide they came out."""

import base64
import fcntl
import json
import math
import os
import select
import shutil
import subprocess
import time
from contextlib import contextmanager
from functools import partial

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
SWITCHES = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--remote-debugging-pipe",
    # What a province's computers have: fields of dates show the day first. A Chromium that was installed without its
    # languages knows how each writes a date nevertheless, and takes that of the page.
    "--lang=vi-VN", "--enable-blink-features=LangAttributeAwareFormControlUI",
)  # fmt: skip
PATIENCE = 90.0


class Moved(AssertionError):
    """The page went away while it was asked."""


class Browser:
    """Speaks Chromium's protocol for developers: messages in JSON, each ended by a zero byte.

    What it is asked goes to the tab that was opened last; what any tab complained of stays in ``complaints``."""

    def __init__(self, into, out_of):
        self.into, self.out_of = into, out_of
        self.number, self.rest, self.events, self.tabs, self.complaints = 0, b"", [], [], []
        # A tab that a link opens waits until it is listened to, so that nothing it says is lost.
        self._ask(None, "Target.setAutoAttach", autoAttach=True, waitForDebuggerOnStart=True, flatten=True)
        while not self.tabs:  # the one that it opens by itself
            self._hear(self._next())

    @property
    def session(self):
        """The tab in front."""
        return self.tabs[-1]

    def ask(self, method, **given):
        return self._ask(self.session, method, **given)

    def _ask(self, session, method, **given):
        number = self._say(session, method, **given)
        while (found := self._next()).get("id") != number:
            self._hear(found)
        if "navigated or closed" in found.get("error", {}).get("message", ""):
            raise Moved(method)
        assert "error" not in found, found
        return found["result"]

    def _say(self, session, method, **given):
        self.number += 1
        message = {"id": self.number, "method": method, "params": given}
        if session:
            message["sessionId"] = session
        os.write(self.into, json.dumps(message).encode() + b"\0")
        return self.number

    def _hear(self, event):
        method, given = event.get("method"), event.get("params", {})
        if method == "Target.attachedToTarget":
            page = given["targetInfo"]["type"] == "page"
            for domain in ("Page", "Log", "Runtime") if page else ():
                self._say(given["sessionId"], f"{domain}.enable")
            if page:
                self._say(given["sessionId"], "Page.setLifecycleEventsEnabled", enabled=True)
                self.tabs.append(given["sessionId"])
            self._say(given["sessionId"], "Runtime.runIfWaitingForDebugger")
        elif method == "Target.detachedFromTarget" and given["sessionId"] in self.tabs:
            self.tabs.remove(given["sessionId"])
        elif method:
            self.events.append(event)
            if said := complaint(method, given):
                self.complaints.append(said)

    def listen(self):
        """Take in what has happened meanwhile."""
        self.value("0")

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
        begun = self.ask("Page.navigate", url=address)
        assert "errorText" not in begun, (address, begun)
        # The page before may tell of its load only now; where nothing is loaded, as for a place on the same page, no
        # loader is named.
        while (loader := begun.get("loaderId")) and not any(map(partial(_loaded, loader), self.events)):
            self._hear(self._next())
        told = ("Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown")
        return [event["params"] for event in self.events if event["method"] in told]

    def value(self, expression):
        """What an expression has for a value in the page."""
        return self.ask("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get("value")

    @property
    def status(self):
        """What the server answered when it was asked for the page."""
        return self.value("performance.getEntriesByType('navigation')[0].responseStatus")

    def picture(self, path, tallest=None):
        """The page as an image, of the kind that the name says: whole, or its upper part."""
        size = self.ask("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "scale": 1, "width": size["width"], "height": min(size["height"], tallest or math.inf)}
        kind = {"quality": 82} if path.suffix == ".webp" else {}
        given = self.ask(
            "Page.captureScreenshot", captureBeyondViewport=True, clip=clip, format=path.suffix[1:], **kind
        )
        path.write_bytes(base64.b64decode(given["data"]))

    def printed(self, path):
        """The page as it is printed on A4, as PDF."""
        given = self.ask("Page.printToPDF", paperWidth=8.27, paperHeight=11.69, printBackground=True)
        path.write_bytes(base64.b64decode(given["data"]))


def _loaded(loader, event):
    """Whether this is the end of one load, and of no other."""
    given = event["params"]
    return event["method"] == "Page.lifecycleEvent" and (given["loaderId"], given["name"]) == (loader, "load")


def complaint(method, given):
    """What the console of the browser shows as an error, a request that failed included; empty for anything else."""
    if method == "Log.entryAdded" and given["entry"]["level"] == "error":
        return f"{given['entry']['text']} {given['entry'].get('url', '')}".strip()
    if method == "Runtime.exceptionThrown":
        return json.dumps(given["exceptionDetails"])[:500]
    if method == "Runtime.consoleAPICalled" and given["type"] in ("error", "assert"):
        return json.dumps(given["args"])[:500]
    return ""


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
