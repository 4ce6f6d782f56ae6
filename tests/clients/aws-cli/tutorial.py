#!/usr/bin/env python3
"""Runs a tutorial as its reader does: each `sh` block in the same shell, whose output has to be the `text` block that
follows it, if one does. `…` stands for any text. Blocks of kind `console` are the reader's own to do: a server and a
database are there. The last line sums up: `N passed, M failed`."""

import pathlib
import re
import subprocess
import sys

SECONDS_MAX = 400
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# Between the output of two blocks.
MARK = "\x1e\n"


def read(text):
    """The blocks that are run, each with the output that it should have, or None."""
    blocks = []
    for kind, body in BLOCK.findall(text):
        if kind == "sh":
            blocks.append((body, None))
        elif kind == "text":
            body_of, wanted = blocks.pop()
            assert wanted is None, f"two outputs of one block:\n{body}"
            blocks.append((body_of, body))
        else:
            assert kind == "console", f"a block of kind {kind!r}"
    return blocks


def is_as_wanted(wanted, got):
    """Whether an output is the one that a tutorial shows."""
    pattern = ".*?".join(re.escape(part) for part in wanted.rstrip("\n").split("…"))
    return re.fullmatch(pattern, got.rstrip("\n"), re.DOTALL) is not None


def main(path):
    blocks = read(pathlib.Path(path).read_text(encoding="utf-8"))
    assert blocks, f"{path} has no blocks"
    script = "".join(body + "printf '\\036\\n'\n" for body, _ in blocks)
    run = subprocess.run(
        ["bash", "-euc", script], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS_MAX
    )
    outputs = run.stdout.split(MARK)
    passed = failed = 0
    for at, (body, wanted) in enumerate(blocks):
        if at >= len(outputs) - 1:
            print(f"FAILED {path}, exit status {run.returncode} of:\n{body}{outputs[-1]}{run.stderr[-4000:]}")
            failed += 1
            break
        if wanted is None or is_as_wanted(wanted, outputs[at]):
            passed += 1
        else:
            print(f"FAILED {path}:\n{body}    wanted:\n{wanted}    got:\n{outputs[at]}")
            failed += 1
    print(f"{passed} passed, {failed} failed")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
