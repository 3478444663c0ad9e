"""Pages with known faults: each must be found, and nothing else."""

from __future__ import annotations

import contextlib
import io
import subprocess
import tempfile
from pathlib import Path

import commands
import links
import reasons
import runner
from pages import pages

PROGRAM = {
    "commandName": "swiftlet",
    "subcommands": [
        {
            "commandName": "render",
            "arguments": [{"names": [{"kind": "short", "name": "f"}, {"kind": "long", "name": "file"}]}],
        },
        {"commandName": "explain", "arguments": [{"names": None}, {"names": [{"kind": "short", "name": "n"}]}]},
    ],
}

GOOD = """# One page

Goes [to itself](#two-words-here), [to another](other.md#a-heading), [to a
folder](../docs), [out](https://example.com/x#y), `[no link](nowhere.md)` and [to what is marked](other.md#marked).

## Two words, here!

```console
$ cat a.yaml | swiftlet render -f - 2>/dev/null | grep x
$ kubectl swiftlet explain pod NAME -n demo -- --whatever
swiftlet COMMAND --help   # there's a comment
[no](link.md)
```

Say `swiftlet explain pod x` or `swiftlet --help`.
"""
OTHER = """# Other

## A heading

<a id="marked"></a>
"""
# A fault, and what has to be said of it.
BAD_LINKS = {
    "[a](missing.md)": "no such file",
    "[a](other.md#no-heading)": "no such heading",
    "[a](#nowhere)": "no such heading",
    "[a](../../../etc/hosts)": "outside this repository",
    "[a][b]\n\n[b]: missing.md": "no such file",
    "a [long\nlink](missing.md)": "no such file",
}
BAD_COMMANDS = {
    "`swiftlet rendr -f x`": "no command rendr",
    "say `kubectl exec deploy/x --\n/swiftlet render --broken` twice": "no option --broken",
    "```sh\nswiftlet render --fil x\n```": "no option --fil",
    "```console\n$ kubectl swiftlet explain -x\n```": "no option -x",
    "    cat x | /tmp/swiftlet render --no-such=1": "no option --no-such",
    "```sh\nkubectl exec deploy/x -- /swiftlet nosuch\n```": "no command nosuch",
    "```sh\nx=$(swiftlet render \\\n  --broken)\n```": "no option --broken",
    "```sh\nA=1 swiftlet nosuch\n```": "no command nosuch",
}
RUNS = {
    "```sh\nx=1\n```\n\n```console\nfalse\n```\n\n```sh\ntest $x = 1\n```\n": 0,
    "```sh\nfalse\ntrue\n```\n": 1,
    "```sh\ntrue\n```\n\n```sh\nnosuchcommand | cat\ntest 1 = 2\n```\n": 1,
    "```sh\nsleep 30\n```\n": 1,
    "nothing to run\n": 1,
}


def run() -> int:
    failures: list[str] = []

    def expect(what: str, condition: bool) -> None:
        if not condition:
            failures.append(what)

    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        docs = root / "docs"
        docs.mkdir()
        (docs / "other.md").write_text(OTHER)
        page = docs / "page.md"
        page.write_text(GOOD)
        found = links.problems(root, pages(root))
        expect(f"the good page's links: {found}", found == (4, []))
        found = commands.problems(root, pages(root), PROGRAM)
        expect(f"the good page's commands: {found}", found == (5, []))
        for text, said in BAD_LINKS.items():
            page.write_text(f"# Page\n\n{text}\n")
            found = links.problems(root, pages(root))
            expect(f"{text!r}: {found}", len(found[1]) == 1 and said in found[1][0])
        for text, said in BAD_COMMANDS.items():
            page.write_text(f"# Page\n\n{text}\n")
            found = commands.problems(root, pages(root), PROGRAM)
            expect(f"{text!r}: {found}", len(found[1]) == 1 and said in found[1][0])
        (docs / "reasons.md").write_text("| Reason |\n| --- |\n| `Found` |\n| `LostOne` |\n")
        (docs / "troubleshooting.md").write_text("### Found\n")
        codes = reasons.problems(root)
        expect(f"reasons: {codes}", codes[0] == 2 and len(codes[1]) == 1 and "LostOne" in codes[1][0])
        for text, code in RUNS.items():
            page.write_text(text)
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                got = runner.run(page, cwd=root, timeout=2, output=subprocess.DEVNULL)
            expect(f"{text!r} ended with {got}", got == code)
    for failure in failures:
        print(f"self-test: {failure}")
    print(f"self-test: {'failed' if failures else 'all as it has to be'}")
    return 1 if failures else 0
