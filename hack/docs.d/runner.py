"""Runs the ```sh blocks of a page as its reader would."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from pages import read


def script(page: Path) -> tuple[int, str]:
    """How many blocks there are to run, and one script of all of them that says which it is at."""
    parts = ["set -e", "DOCS_AT=start", "trap 'echo \"FAILED at $DOCS_AT (exit code $?)\" >&2' ERR", "set -E"]
    count = 0
    for block in read(page).blocks:
        if block.language != "sh":
            continue
        count += 1
        parts.append(f"DOCS_AT={shlex.quote(f'{page}:{block.line}')}")
        shown = "\n".join(f"    {line}" for line in block.text.rstrip().splitlines())
        parts.append(f"printf '%s\\n' {shlex.quote(f'== {page.name}:{block.line}')} {shlex.quote(shown)}")
        parts.append(block.text)
    return count, "\n".join([*parts, f"echo '== {page.name}: all {count} blocks ran'", ""])


def run(page: Path, *, cwd: Path, timeout: int, output: int | None = None) -> int:
    """Runs the page; 0 when every command of it succeeded. `output` is where its output goes, as for subprocess."""
    try:
        count, text = script(page)
    except (OSError, ValueError) as error:
        print(f"{page}: {error}", file=sys.stderr)
        return 1
    if count == 0:
        print(f"{page}: no ```sh block, so there is nothing to run", file=sys.stderr)
        return 1
    with tempfile.NamedTemporaryFile("w", suffix=".sh") as file:
        file.write(text)
        file.flush()
        started = time.monotonic()
        # A group of its own, so that what waits for ever ends with it.
        process = subprocess.Popen(
            ["bash", file.name],
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        try:
            code = process.wait(timeout=timeout)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            print(f"{page}: not done after {timeout} s", file=sys.stderr)
            return 1
    print(f"{page.name}: {'ran' if code == 0 else 'failed'} in {time.monotonic() - started:.0f} s", flush=True)
    return 1 if code else 0
