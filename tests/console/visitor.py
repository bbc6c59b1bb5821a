"""A person at the browser: reads what is visible, and reaches the rest with mouse and keyboard alone.

Nothing here opens an address or runs a script that changes a page. What cannot be seen cannot be clicked, nor can what
lies under something else.
"""

import json
import time

from .browser import Moved

PATIENCE = 60.0
CLICKABLE = "a[href], button, summary, [role=button], [role=link], [role=tab], [role=menuitem], input[type=submit]"

# The visible element of a selector that shows a text, or the one that shows it with the fewest other words. ``row`` and
# ``under`` narrow it to what stands in one row of a table or list, or below one heading.
FIND = """((selector, text, row, under) => {
    const bare = said => (said || '').normalize('NFC').replace(/\\s+/g, ' ').trim();
    const seen = one => one.checkVisibility({visibilityProperty: true, opacityProperty: true})
        && one.getClientRects().length > 0;
    const said = one => bare(one.innerText || one.value || one.getAttribute('aria-label'));
    const headings = [...document.querySelectorAll('h1, h2, h3, legend, caption, summary')];
    const below = one => headings.filter(head => seen(head)
        && head.compareDocumentPosition(one) & Node.DOCUMENT_POSITION_FOLLOWING).some((head, place, all) =>
        place === all.length - 1 && bare(head.innerText).includes(under));
    const found = [...document.querySelectorAll(selector)].filter(one => seen(one) && said(one).includes(text)
        && (!row || bare((one.closest('tr, li') || {}).innerText).includes(row)) && (!under || below(one)));
    found.sort((a, b) => (said(a) !== text) - (said(b) !== text) || said(a).length - said(b).length);
    return found[0] || null;
})"""

# Where to put the mouse: the middle of an element's first line, once it is in view and nothing lies over it.
PLACE = """(one => {
    if (!one) return null;
    one.scrollIntoView({block: 'center', behavior: 'instant'});
    const box = [...one.getClientRects()].find(box => box.width > 0 && box.height > 0);
    const x = box.left + box.width / 2, y = box.top + box.height / 2;
    const top = document.elementFromPoint(x, y);
    return top && (one.contains(top) || top.contains(one) && top.tagName === 'LABEL') ? [x, y] : null;
})"""

# The control that a label names; its visible words stand in the label itself, apart from the control.
CONTROL = """(label => label && (label.control || label.querySelector('input, select, textarea')))"""
WORDS = """(label => {
    if (!label) return null;
    label.scrollIntoView({block: 'center', behavior: 'instant'});
    const walk = document.createTreeWalker(label, NodeFilter.SHOW_TEXT,
        node => node.parentElement.closest('select') || !node.data.trim() ? 2 : 1);
    if (!walk.nextNode()) return null;
    const range = document.createRange();
    range.selectNodeContents(walk.currentNode);
    const box = range.getClientRects()[0];
    const x = box.left + box.width / 2, y = box.top + box.height / 2;
    return label.contains(document.elementFromPoint(x, y)) ? [x, y] : null;
})"""


class Lost(AssertionError):
    """What a person looked for is not to be seen; says what is."""


class Visitor:
    """Reads, clicks and types in the tab in front."""

    def __init__(self, browser):
        self.browser = browser

    @property
    def text(self):
        """Everything that can be read on the page, in one line."""
        return " ".join((self._look("document.body ? document.body.innerText : ''") or "").split())

    @property
    def heading(self):
        """The heading of the page."""
        return " ".join((self._look("(document.querySelector('h1') || {}).innerText || ''") or "").split())

    def sees(self, *texts, seconds=PATIENCE):
        """Wait until all the texts can be read."""
        self.until(lambda: all(text in self.text for text in texts), seconds, " and ".join(map(repr, texts)))

    def arrives(self, heading, seconds=PATIENCE):
        """Wait for the page with this heading to be there whole."""
        loaded = "document.readyState === 'complete'"
        self.until(lambda: heading in self.heading and self._look(loaded), seconds, f"the page {heading!r}")

    def rows(self, under=""):
        """The rows of the tables on the page, each a list of its cells' words; ``under`` names the part of the page."""
        return self._look(
            "[...document.querySelectorAll('tbody tr')].filter(row => row.checkVisibility() && ("
            f"!{json.dumps(under)} || (row.closest('section')?.querySelector('h2')?.innerText || '')"
            f".includes({json.dumps(under)})))"
            ".map(row => [...row.cells].map(cell => cell.innerText.replace(/\\s+/g, ' ').trim()))"
        )

    def click(self, text, row="", under="", selector=CLICKABLE):
        """Press the visible link or button with this text."""
        self._press(self._find(selector, text, row, under, PLACE), f"a link or button {text!r}")

    def fill(self, label, text):
        """Type into the field of this label, in place of what it holds."""
        self._press(self._field(label, PLACE), f"a field {label!r}")
        self._key("a", modifiers=2)
        self.browser.ask("Input.insertText", text=text)

    def fill_day(self, label, day):
        """Type a date as the page's language writes it, which the browser's fields follow."""
        self._press(self._label(label, WORDS), f"a field {label!r}")
        order = self._look(
            "new Intl.DateTimeFormat(document.documentElement.lang || undefined).formatToParts(new Date())"
            ".map(one => one.type).filter(name => name != 'literal')"
        )
        for part in order:
            for digit in {"day": f"{day:%d}", "month": f"{day:%m}", "year": f"{day:%Y}"}[part]:
                self._key(digit)
        found = self._look("document.activeElement.value")
        assert found == day.isoformat(), f"the field {label!r} holds {found!r}, not {day}"

    def choose(self, label, option):
        """Choose in a list by typing how the option begins."""
        self._press(self._label(label, WORDS), f"a list {label!r}")
        for letter in option:
            self._key(letter)
        chosen = "(one => one && one.selectedOptions ? one.selectedOptions[0].innerText : '')(document.activeElement)"
        found = self._look(chosen) or ""
        assert found.startswith(option), f"the list {label!r} shows {found!r}, not {option!r}"

    def tick(self, label):
        """Click the words beside a box."""
        self._press(self._label(label, WORDS), f"a box {label!r}")

    def _look(self, expression):
        """What an expression has for a value; nothing while one page gives way to the next."""
        try:
            found = self.browser.ask("Runtime.evaluate", expression=expression, returnByValue=True)
        except Moved:
            return None
        assert "exceptionDetails" not in found, (expression, found)
        return found["result"].get("value")

    def _find(self, selector, text, row, under, then):
        given = ", ".join(json.dumps(value) for value in (selector, text, row, under))
        return f"{then}({FIND}({given}))"

    def _label(self, label, then):
        return self._find("label", label, "", "", then)

    def _field(self, label, then):
        return f"{then}({CONTROL}({FIND}('label', {json.dumps(label)}, '', '')))"

    def _press(self, expression, what):
        place = self.until(lambda: self._look(expression), PATIENCE, what)
        x, y = place
        self.browser.ask("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
        for kind in ("mousePressed", "mouseReleased"):
            self.browser.ask("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def _key(self, key, modifiers=0):
        code = ord(key.upper())
        text = {} if modifiers else {"text": key}
        for kind in ("keyDown", "keyUp"):
            self.browser.ask("Input.dispatchKeyEvent", type=kind, key=key, modifiers=modifiers,
                             windowsVirtualKeyCode=code if key.isalnum() else 0,
                             **(text if kind == "keyDown" else {}))  # fmt: skip

    def until(self, found, seconds, what):
        """What is found, as soon as there is something; the pages are looked at again and again."""
        until = time.monotonic() + seconds
        while not (answer := found()):
            if time.monotonic() > until:
                raise Lost(f"{what} is not to be seen. The page says: {self.text[:1500]}")
            time.sleep(0.1)
        return answer
