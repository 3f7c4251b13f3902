#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Manuals and completions say what the programs say: manual_test.py HOLDPOINT HOLDPOINTD FAKE_SERVER SOURCE."""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

HOLDPOINT, HOLDPOINTD, SERVER = sys.argv[1:4]
SOURCE = pathlib.Path(sys.argv[4])
CLI = SOURCE / "userspace/cli"
failures = []


def same(what, said, meant):
    good = set(said) == set(meant)
    print("ok  " if good else "FAIL", what)
    if not good:
        failures.append(what)
        print(f"     missing: {sorted(set(meant) - set(said))}; too much: {sorted(set(said) - set(meant))}")


def output(*command, **options):
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, stdin=subprocess.DEVNULL, **options).stdout


def verbs():
    return re.findall(r"^  ([a-z]+) ", output(HOLDPOINT, "help"), re.M)


def options_of(verb):
    return re.findall(r"^  (--[a-z-]+)", output(HOLDPOINT, "help", verb), re.M)


def values_of_enum(file, name):
    body = re.search(rf"enum (?:class )?{name}\b[^{{]*{{(.*?)}};", (SOURCE / file).read_text(), re.S).group(1)
    return re.findall(r"= (\d+),", body)


class Page:
    """An mdoc manual, as far as it is compared."""

    def __init__(self, file):
        self.text = (SOURCE / file).read_text()

    def section(self, name):
        return re.search(rf"^\.Sh {name}\n(.*?)(?=^\.Sh |\Z)", self.text, re.S | re.M).group(1)

    def items(self, macro, text=None):
        """{name: what stands at the item} of a list."""
        parts = re.split(r"^\.It (.*)$", text or self.text, flags=re.M)
        found = {}
        for head, body in zip(parts[1::2], parts[2::2]):
            words = head.split()
            if words[0] == macro:
                found[words[1]] = head + re.split(r"^\.El", body, flags=re.M)[0]
        return found

    @staticmethod
    def flags(text):
        # "Fl \-unload" and, in the same macro, ", Fl h".
        return {"--" + name.replace("\\", "") for name in re.findall(r"Fl \\-([a-z\\-]+)", text)}


def check_holdpoint():
    page = Page("userspace/cli/holdpoint.1")
    items = page.items("Cm", page.section("DESCRIPTION"))
    same("holdpoint.1 has the verbs of the program", items, verbs())
    common = set.intersection(*(set(options_of(verb)) for verb in verbs())) | {"--json"}
    for verb in verbs():
        said = Page.flags(items.get(verb, "")) - common
        same(f"holdpoint.1 has the options of {verb}", said, set(options_of(verb)) - common)
    same("holdpoint.1 has the common options", common & Page.flags(page.section("DESCRIPTION")), common)
    said = re.findall(r"^\.Cm (\w+)", re.search(r"^all but\n(.*?)^take", page.text, re.S | re.M).group(1), re.M)
    same("holdpoint.1 has the verbs without --json", said, [verb for verb in verbs() if "--json" not in options_of(verb)])
    codes = values_of_enum("userspace/cli/exit_code.hpp", "Exit")
    same("holdpoint.1 has the exit codes", [c for c in codes if re.search(rf"\b{c}\b", page.section("EXIT STATUS"))], codes)
    read = re.findall(r'(?:getenv|set_and_not_empty)\("(\w+)"\)', "".join(f.read_text() for f in CLI.rglob("*.cpp")))
    same("holdpoint.1 has the environment", page.items("Ev"), read)


def check_daemon():
    page = Page("userspace/daemon/holdpointd.8")
    helped = re.findall(r"(--[a-z]+)", output(HOLDPOINTD, "--help"))
    options = Page.flags(" ".join(page.items("Fl", page.section("DESCRIPTION")).values()))
    same("holdpointd.8 has the options of the program", options, set(helped) | {"--help", "--version"})
    codes = values_of_enum("userspace/config/config.hpp", "ExitCode")
    listed = re.findall(r"^\.It (\d+)$", page.section("EXIT STATUS"), re.M)
    same("holdpointd.8 has the exit codes", listed, codes)


def words_of_schema(node):
    """Keys and enumerated words of a JSON Schema."""
    if isinstance(node, dict):
        yield from node.get("properties", {})
        yield from (word for word in node.get("enum", []) if isinstance(word, str))
        for value in node.values():
            yield from words_of_schema(value)
    elif isinstance(node, list):
        for value in node:
            yield from words_of_schema(value)


def check_policy():
    page = Page("policies/holdpoint-policy.5")
    words = set(words_of_schema(json.loads((SOURCE / "policies/schema.json").read_text())))
    said = set(re.findall(r"[a-z_]+", page.text))
    same("holdpoint-policy.5 has the keys and words of the schema", words & said, words)
    same("holdpoint-policy.5 has no other keys", set(page.items("Cm")) - words, [])


def check_troubleshooting():
    """What the README explains is what a program says: a message that was reworded would not be found by who searches it."""
    section = (SOURCE / "README.md").read_text().split("## When something goes wrong")[1].split("\n## ")[0]
    heads = [row.split("|")[1] for row in section.splitlines() if row.startswith("| `")]
    # Not ours to word: what the kernel and systemd say.
    texts = {text for head in heads if "EPERM" not in head and "systemd" not in head for text in re.findall(r"`([^`]+)`", head)}
    sources = "".join(file.read_text() for file in (SOURCE / "userspace").rglob("*.cpp"))
    sources = re.sub(r'"\s*"', "", sources)  # literals that follow each other are one
    same("the README's troubleshooting quotes what programs say", [text for text in texts if text in sources], texts)
    same("it has at least ten entries", [len(heads) >= 10], [True])


BASH = 'source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _holdpoint; printf "%s\\n" "${COMPREPLY[@]}"'
# What zsh's own completion offers is taken from the one function that it calls.
ZSH = """_describe() { print -rl -- ${(P)2} }; _default() {}
file=$1; shift; words=("$@"); CURRENT=$#; PREFIX=${words[-1]}; source $file | sed 's/:.*//'"""
FISH = 'source $argv[1]; complete -C "$argv[2..]" | string replace -r "\\t.*" ""; true'


def offered(shell, environment, *words):
    commands = {
        "bash": ["bash", "-c", BASH, CLI / "holdpoint.bash", *words],
        "zsh": ["zsh", "-f", "-c", ZSH, "zsh", CLI / "holdpoint.zsh", *words],
        "fish": ["fish", "--no-config", "-c", FISH, CLI / "holdpoint.fish", *words],
    }
    found = output(*map(str, commands[shell]), env=environment).split()
    return [word for word in found if word.startswith(words[-1])]


def check_completions(environment):
    lists = {"approve": ("requests", "r"), "revoke": ("grants", "g")}
    for shell in ("bash", "zsh", "fish"):
        same(f"{shell} offers the verbs", offered(shell, environment, "holdpoint", ""), [*verbs(), "help"])
        for verb in verbs():
            same(f"{shell} offers the options of {verb}", offered(shell, environment, "holdpoint", verb, "--"), options_of(verb))
        for verb, (listing, letter) in lists.items():
            ids = re.findall(rf'"({letter}-\d+)"', output(HOLDPOINT, listing, "--json", env=environment))
            same(f"{shell} offers the ids of {listing}", offered(shell, environment, "holdpoint", verb, letter), ids)
        same(f"{shell} offers agents and modes", offered(shell, environment, "holdpoint", "mode", ""),
             ["coder", "watched", "observe", "enforce", "policy"])
        same(f"{shell} offers scopes", offered(shell, environment, "holdpoint", "approve", "--scope", "s"), ["session"])


def main():
    check_holdpoint()
    check_daemon()
    check_policy()
    check_troubleshooting()
    with tempfile.TemporaryDirectory() as home:
        sock = home + "/api.sock"
        environment = {"PATH": f"{os.path.dirname(HOLDPOINT)}:{os.environ['PATH']}", "HOME": home, "HOLDPOINT_SOCKET": sock,
                       "LC_ALL": "C.UTF-8", "TERM": "dumb"}
        with subprocess.Popen([SERVER, sock], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout.readline() == "ready\n"
            check_completions(environment)
            server.stdin.close()
    print(f"{len(failures)} failed")
    return 1 if failures else 0


sys.exit(main())
