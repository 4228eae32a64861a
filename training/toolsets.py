"""Which tools a conversation has: those of the agent as they are served, under other names, and those of callers."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache

from engine import ToolSpec
from mistralrs_agent.tools.files import file_tools
from mistralrs_agent.tools.interpreters import Interpreters
from mistralrs_agent.tools.python import python_tools
from mistralrs_agent.tools.read_page import ReadPageTool
from mistralrs_agent.tools.shell import ShellTool
from mistralrs_agent.tools.web_search import WebSearchTool
from sandbox import SandboxPolicy
from training.ask import Ask, Kind
from training.families.foreign import others

SYSTEMS = (
    "You are a helpful assistant.", "You are a friendly assistant. Be brief.", "Answer shortly and correctly.",
    "You are an assistant with tools. Use them when they help.", "You help people with everyday questions.",
    "You are Max, the assistant of a small company.", "Be precise. Use tools for facts and numbers.",
)  # fmt: skip
RENAMED: dict[Kind, tuple[tuple[str, str, str], ...]] = {
    "python": (("python", "code", "Run Python code"), ("run_python", "script", "Execute a Python script and return its output"),
               ("execute_code", "code", "Execute Python code in a sandbox"), ("code_interpreter", "source", "A Python interpreter for calculations and files"),
               ("interpreter", "code", "Runs code and returns what it prints"), ("python_exec", "program", "Run a program written in Python")),
    "search": (("web_search", "query", "Search the web"), ("search", "q", "Find pages on the internet"), ("google", "query", "Search with Google"),
               ("internet_search", "terms", "Look something up online"), ("lookup", "question", "Search the internet for an answer")),
    "page": (("open_url", "url", "Open a web page"), ("browse", "address", "Read the text of a page"), ("fetch_page", "url", "Get the content of a web page")),
    "shell": (("bash", "commands", "Run shell commands"),),
}  # fmt: skip
KINDS = ("python", "search", "page", "shell")
FILE_TOOLS = ("mistralrs_read_file", "mistralrs_list_files", "mistralrs_surface_outputs")


@dataclass(frozen=True, slots=True)
class Toolset:
    """The tools of some conversations."""

    specs: tuple[ToolSpec, ...]
    names: dict[Kind, tuple[str, str]]
    """Kind → name of the tool and of its argument."""
    own: frozenset[str] = frozenset()
    """Names of callers' tools."""
    system: str = ""
    renamed: bool = False
    attached: bool = False
    """Files come with messages, and there are tools for them."""

    def fits(self, ask: Ask) -> bool:
        """Whether these tools, and no better ones, are there for what is asked."""
        needed = {kind for kind in ask.kinds if kind != "own"}
        if not needed <= self.names.keys():
            return False
        return not any(_instead(name, ask.family) for name in self.own)

    def with_tool(self, ask: Ask) -> Toolset:
        """With the tool the request is for, if it is not there."""
        if ask.tool is None or ask.tool["name"] in self.own:
            return self
        spec = ToolSpec(ask.tool["name"], ask.tool["description"], ask.tool["parameters"])
        return replace(self, specs=(spec, *self.specs), own=self.own | {spec.name})


@cache
def served() -> dict[Kind | str, ToolSpec]:
    """The agent's own tools, just as a server describes them."""
    interpreters = Interpreters(SandboxPolicy())
    python, reset = python_tools(interpreters, "")
    search = WebSearchTool(None)  # type: ignore[arg-type] - it is described, not run
    page = ReadPageTool(None)  # type: ignore[arg-type]
    shell = ShellTool(interpreters, "", 600)
    files = {tool.spec.name: tool.spec for tool in file_tools(None, interpreters)}  # type: ignore[arg-type]
    return {
        "python": python.spec,
        "reset": reset.spec,
        "search": search.spec,
        "page": page.spec,
        "shell": shell.spec,
    } | files


def agent(*, shell: bool = False, attached: bool = False) -> Toolset:
    """What `--agent` offers, with `--enable-shell` or without; and in a conversation to which files are attached."""
    keys = ("python", "reset", *(("shell",) if shell else ()), *(FILE_TOOLS if attached else ()), "search", "page")
    return replace(_of(keys), attached=attached)


def toolset(rng: random.Random) -> Toolset:
    """Some set of tools; the one of `--agent` is made elsewhere, for it is the most common."""
    form = rng.choices(("shell", "more", "code", "web", "own", "renamed", "mixed"), (3, 5, 2, 2, 6, 4, 3))[0]
    made = {
        "shell": lambda: agent(shell=True),
        "more": lambda: _with_own(agent(), others(rng, rng.randint(1, 3))),
        "code": lambda: _of(("python", "reset")),
        "web": lambda: _of(("search", "page")),
        "own": lambda: _with_own(Toolset((), {}), others(rng, rng.randint(1, 5))),
        "renamed": lambda: _renamed(rng, ()),
        "mixed": lambda: _with_own(_renamed(rng, ()), others(rng, rng.randint(1, 3))),
    }[form]()
    if rng.random() < 0.25:
        made = replace(made, system=rng.choice(SYSTEMS))
    if rng.random() < 0.4:
        made = replace(made, specs=tuple(rng.sample(made.specs, len(made.specs))))
    return made


def _of(keys: Iterable[str]) -> Toolset:
    specs = {key: served()[key] for key in keys}
    names: dict[Kind, tuple[str, str]] = {
        key: (spec.name, next(iter(spec.parameters["properties"]))) for key, spec in specs.items() if key in KINDS
    }  # type: ignore[misc]
    return Toolset(tuple(specs.values()), names)


def _with_own(base: Toolset, functions: list[dict[str, object]]) -> Toolset:
    specs = tuple(ToolSpec(str(f["name"]), str(f["description"]), f["parameters"]) for f in functions)  # type: ignore[arg-type]
    return replace(base, specs=(*base.specs, *specs), own=frozenset(spec.name for spec in specs))


def _renamed(rng: random.Random, own: tuple[ToolSpec, ...]) -> Toolset:
    kinds: tuple[Kind, ...] = rng.choice(
        (("python",), ("search",), ("python", "search"), ("python", "search", "page"), ("search", "page"))
    )
    specs, names = [], {}
    for kind in kinds:
        name, argument, description = rng.choice(RENAMED[kind])
        schema = {"type": "object", "properties": {argument: {"type": "string"}}, "required": [argument]}
        specs.append(ToolSpec(name, description, schema))
        names[kind] = (name, argument)
    return Toolset((*specs, *own), names, renamed=True)


_INSTEAD = {
    "weather": ("web weather",), "forecast": ("web weather",), "stock": ("web share price",), "quote": ("web share price",), "ticker": ("web share price",),
    "currency": ("convert",), "exchange": ("convert",), "clock": ("time now",), "note": ("write file",), "query": ("web",), "sql": ("web",),
}  # fmt: skip


def _instead(tool: str, family: str) -> bool:
    """Whether a caller's tool is the better one for a request of that family."""
    return any(part in tool.lower() and family.startswith(families) for part, families in _INSTEAD.items())
