"""Relative links and anchors of Markdown pages."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

from pages import Page, anchors, joined, read, without_code

INLINE = re.compile(r"\[(?:[^\[\]]|\[[^\]]*\])*\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)")
REFERENCE = re.compile(r"^ {0,3}\[[^\]]+\]:\s*<?(\S+?)>?(?:\s|$)")


def problems(root: Path, paths: list[Path]) -> tuple[int, list[str]]:
    """How many links there are, and a line for each that leads nowhere."""
    known: dict[Path, Page] = {}
    found: list[str] = []
    count = 0

    def page(path: Path) -> Page:
        if path not in known:
            known[path] = read(path)
        return known[path]

    for path in paths:
        where = path.relative_to(root)
        try:
            lines = page(path).prose
        except ValueError as error:
            found.append(str(error))
            continue
        for number, line in joined(lines):
            text = without_code(line)
            for target in [*INLINE.findall(text), *REFERENCE.findall(text)]:
                if re.match(r"[a-z][a-z0-9+.-]*:", target):
                    continue
                count += 1
                file, _, anchor = target.partition("#")
                if file.startswith("/"):
                    found.append(f"{where}:{number}: {target}: a link from the root works nowhere but on one site")
                    continue
                to = (path.parent / unquote(file)).resolve() if file else path
                if not to.exists():
                    found.append(f"{where}:{number}: {target}: there is no such file")
                elif not to.is_relative_to(root.resolve()):
                    found.append(f"{where}:{number}: {target}: outside this repository")
                elif anchor and to.suffix == ".md" and anchor not in anchors(page(to)):
                    found.append(f"{where}:{number}: {target}: {to.name} has no such heading")
    return count, found
