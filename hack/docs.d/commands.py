"""The `swiftlet` commands that Markdown pages show, against what the program says of itself."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

from pages import inline_code, joined, read

# What ends one command of a shell line.
ENDS = {"|", "||", "&&", ";", "&", ")", "`", ">", ">>", "<", "2>", "2>&1"}
SHELL = {"sh", "console", "bash", "shell", "text", "", None}


def known(binary: str) -> dict[str, Any]:
    """The program's own description of its commands."""
    try:
        done = subprocess.run(
            [binary, "--experimental-dump-help"], capture_output=True, text=True, check=True, timeout=60
        )
    except (OSError, subprocess.SubprocessError) as error:
        sys.exit(f"{binary} can't be asked for its commands ({error}): build it first, or name it with --binary")
    command: dict[str, Any] = json.loads(done.stdout)["command"]
    # The operator and the target allocator read their flags themselves, from tables of settings.
    subcommands = {sub["commandName"]: sub for sub in command["subcommands"]}
    for of, names in (("operator", ("operator", "webhook-server")), ("target-allocator", ("target-allocator",))):
        table = subprocess.run([binary, "settings", "--of", of, "-o", "json"], capture_output=True, check=True).stdout
        flags = [{"kind": "long", "name": one["flag"].removeprefix("--")} for one in json.loads(table) if one.get("flag")]
        for name in names:
            subcommands[name].setdefault("arguments", []).append({"names": flags})
    subcommands["target-allocator"]["subcommands"] = [subcommands["discover"]]
    return command


def problems(root: Path, paths: list[Path], program: dict[str, Any]) -> tuple[int, list[str]]:
    """How many commands there are, and a line for each that the program would not take."""
    found: list[str] = []
    count = 0
    for path in paths:
        page = read(path)
        shown: list[tuple[int, str]] = []
        for block in page.blocks:
            if block.language in SHELL:
                shown += continued(block.line, block.text)
        for number, line in joined(page.prose):
            # A name alone, such as `swiftlet`, is no command.
            shown += [(number, code) for code in inline_code(line) if " " in code]
        for number, line in shown:
            for words in invocations(line):
                count += 1
                if problem := wrong(words, program):
                    found.append(f"{path.relative_to(root)}:{number}: `swiftlet {' '.join(words)}`: {problem}")
    return count, found


def continued(first: int, text: str) -> list[tuple[int, str]]:
    """The lines of a block with those that end in a backslash joined."""
    result: list[tuple[int, str]] = []
    pending, start = "", first
    for number, line in enumerate(text.splitlines(), first):
        if not pending:
            start = number
        if line.endswith("\\"):
            pending += line[:-1] + " "
            continue
        result.append((start, pending + line))
        pending = ""
    return result


def invocations(line: str) -> list[list[str]]:
    """The arguments of each `swiftlet` that a line calls."""
    if "swiftlet" not in line:
        return []
    # A substitution is a command of its own.
    line = line.replace("$(", " ; ").replace("`", " ; ")
    try:
        lexer = shlex.shlex(re.sub(r"^\s*\$ ", "", line), posix=True, punctuation_chars="|&;()<>")
        lexer.whitespace_split = True
        lexer.commenters = "#"
        words = list(lexer)
    except ValueError:
        # An apostrophe of a comment or of a program's output: not a command that could be run as it stands.
        words = line.split()
    found: list[list[str]] = []
    at_start = True
    position = 0
    while position < len(words):
        word = words[position]
        name = word.rsplit("/", 1)[-1]
        before = words[position - 1] if position else ""
        is_called = name in ("swiftlet", "kubectl-swiftlet") and (at_start or before in ("--", "exec", "sudo", "time"))
        if before == "kubectl" and word == "swiftlet":
            is_called = True
        # `swift run swiftlet operator`
        if word == "swiftlet" and before == "run" and position >= 2 and words[position - 2] == "swift":
            is_called = True
        at_start = word in ENDS - {">", ">>", "<", "2>", "2>&1"} or (at_start and re.match(r"\w+=", word) is not None)
        position += 1
        if not is_called:
            continue
        arguments = []
        while position < len(words) and words[position] not in ENDS and not set(words[position]) <= set("|&;()<>"):
            arguments.append(words[position])
            position += 1
        # The digit of `2>file` is no argument.
        if position < len(words) and words[position].startswith(">") and arguments and arguments[-1] in ("1", "2"):
            arguments.pop()
        found.append(arguments)
    return found


def wrong(words: list[str], program: dict[str, Any]) -> str | None:
    """What the program would say against these arguments; None when nothing."""
    command = program
    rest = list(words)
    while rest and not rest[0].startswith("-"):
        subcommands = {sub["commandName"]: sub for sub in command.get("subcommands", [])}
        if rest[0] not in subcommands:
            # `...` and COMMAND stand for whatever the reader wants.
            if command is program and not re.fullmatch(r"\.\.\.|…|[A-Z]+\.*|<.*>|\[.*\]", rest[0]):
                return f"there is no command {rest[0]} ({', '.join(sorted(subcommands))})"
            break
        command = subcommands[rest.pop(0)]
    flags: set[str] = set()
    lists = [command]
    if command is program and (default := program.get("defaultSubcommand")):
        lists += [sub for sub in program.get("subcommands", []) if sub["commandName"] == default]
    for one in lists:
        for argument in one.get("arguments", []):
            for name in argument.get("names") or []:
                flags.add(("--" if name["kind"] == "long" else "-") + name["name"])
    flags |= {"-h", "--help", "--version"}
    for word in rest:
        if word == "--":
            break
        if not word.startswith("-") or word == "-":
            continue
        flag = word.split("=", 1)[0]
        if re.fullmatch(r"--?[A-Z]+|--\.\.\.", flag):
            continue
        if flag not in flags:
            return f"there is no option {flag}"
    return None
