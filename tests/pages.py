"""A page of HTML as tests look at it: what it shows, and whether it stands on its own."""

import base64
import re
from html.parser import HTMLParser

import cv2
import numpy as np

VOID = ("meta", "br")
DATA_URI = re.compile(r"data:image/jpeg;base64,[A-Za-z0-9+/=]*")


class Page(HTMLParser):
    """Reads a page; fails where a tag is not closed in its turn."""

    def __init__(self, text: str):
        super().__init__(convert_charrefs=True)
        self.raw = text
        self.open, self.elements, self.said, self.tables = [], [], [], []
        self.feed(text)
        self.close()
        assert not self.open, f"never closed: {self.open}"

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.said).split())

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, f"</{tag}> closes another"

    def handle_data(self, data):
        if "style" in self.open:
            return
        self.said.append(data)
        if self.open and self.open[-1] in ("td", "th"):
            self.tables[-1][-1][-1] += data

    def table(self, first: str) -> list[list[str]]:
        """The rows of the table whose first heading is `first`."""
        return next(table for table in self.tables if table[0][0] == first)

    def pictures(self) -> list[np.ndarray]:
        """Every picture, decoded."""
        addresses = [own["href"] for tag, own in self.elements if tag == "image"]
        assert all(DATA_URI.fullmatch(address) for address in addresses)
        data = [base64.b64decode(a.partition(",")[2], validate=True) for a in addresses]
        return [cv2.imdecode(np.frombuffer(part, np.uint8), cv2.IMREAD_COLOR) for part in data]

    def check_alone(self) -> None:
        """Nothing on the page comes from elsewhere, and nothing runs."""
        rest = DATA_URI.sub("", self.raw)
        for sign in ("http:", "https:", "//", "url(", "@import", "javascript:"):
            assert sign not in rest, sign
        names = {own["id"] for _, own in self.elements if "id" in own}
        for tag, own in self.elements:
            assert tag not in ("script", "link", "iframe", "object", "embed", "base", "img"), tag
            assert not [name for name in own if name.startswith("on")], own
            assert "src" not in own
            address = own.get("href", "data:")
            assert address.startswith("data:") or address[1:] in names, address
        policy = [own["content"] for _, own in self.elements if own.get("http-equiv")]
        assert policy == ["default-src 'none'; img-src data:; style-src 'unsafe-inline'"]
        assert all(picture is not None for picture in self.pictures())
