"""Reads Markdown as far as checking it needs: fenced and indented blocks, inline code, headings, links."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

# Build folders, caches and what is not ours.
SKIPPED = {"node_modules", "Fixtures", "Pods"}


@dataclass
class Block:
    """A fenced block (`language` empty when none is given) or an indented one (`language` None)."""

    line: int
    language: str | None
    text: str


@dataclass
class Page:
    path: Path
    blocks: list[Block] = field(default_factory=list)
    # Lines outside blocks, with their numbers; inline code is still in them.
    prose: list[tuple[int, str]] = field(default_factory=list)


def pages(root: Path) -> list[Path]:
    """Every Markdown file of the repository."""
    found = []
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(f for f in folders if not f.startswith(".") and f not in SKIPPED)
        found += [Path(folder) / file for file in sorted(files) if file.endswith(".md")]
    return found


def read(path: Path) -> Page:
    page = Page(path)
    lines = path.read_text(encoding="utf-8").splitlines()
    number, blank = 0, True
    while number < len(lines):
        line = lines[number]
        fence = re.match(r"( *)(`{3,}|~{3,}) *([\w+-]*)", line)
        if fence:
            indent, mark, language = fence.groups()
            end = number + 1
            while end < len(lines) and not re.match(rf" *{re.escape(mark)}+ *$", lines[end]):
                end += 1
            if end == len(lines):
                raise ValueError(f"{path}:{number + 1}: a block that is opened and never closed")
            body = [text[len(indent) :] if text[: len(indent)].isspace() else text for text in lines[number + 1 : end]]
            page.blocks.append(Block(number + 2, language, "\n".join(body) + "\n"))
            number, blank = end + 1, True
            continue
        if blank and line.startswith("    ") and line.strip():
            end = number
            while end < len(lines) and (lines[end].startswith("    ") or not lines[end].strip()):
                end += 1
            body = [text[4:] for text in lines[number:end]]
            page.blocks.append(Block(number + 1, None, "\n".join(body).rstrip() + "\n"))
            number, blank = end, True
            continue
        page.prose.append((number + 1, line))
        blank = not line.strip() or (blank and line.startswith("    "))
        number += 1
    return page


def inline_code(line: str) -> Iterator[str]:
    """What stands between backticks."""
    for match in re.finditer(r"(`+)(.+?)\1(?!`)", line):
        yield match.group(2).strip()


def without_code(line: str) -> str:
    return re.sub(r"(`+)(.+?)\1(?!`)", "", line)


def anchors(page: Page) -> set[str]:
    """The anchors that GitHub makes of headings, and those that are written out as HTML."""
    found: set[str] = set()
    counts: dict[str, int] = {}
    for _, line in page.prose:
        for match in re.finditer(r"<\w+ [^>]*\b(?:id|name)=\"([^\"]+)\"", line):
            found.add(match.group(1))
        heading = re.match(r"#{1,6} +(.+?)(?: +#+)? *$", line)
        if not heading:
            continue
        slug = slug_of(heading.group(1))
        count = counts.get(slug, 0)
        counts[slug] = count + 1
        found.add(f"{slug}-{count}" if count else slug)
    return found


def slug_of(heading: str) -> str:
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", heading)
    text = re.sub(r"<[^>]+>", "", text)
    text = re.sub(r"[^\w\- ]", "", text.strip().lower())
    return text.replace(" ", "-")

def joined(lines: list[tuple[int, str]]) -> list[tuple[int, str]]:
    """Lines of one paragraph together, as links and code may be broken; each with the number of its first line."""
    result: list[tuple[int, str]] = []
    last, open_paragraph = -1, False
    for number, line in lines:
        if open_paragraph and number == last + 1 and line.strip() and not re.match(r"\s*(#|\||[-*+] |\d+\. |\[)", line):
            result[-1] = (result[-1][0], f"{result[-1][1]} {line.strip()}")
        else:
            result.append((number, line))
        last, open_paragraph = number, bool(line.strip()) and not line.startswith("#")
    return result
