"""Options about the agent: tools, permission, and the sandbox they run in."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, FilePath

from mistralrs_agent.options.section import Rule, Section, flag, needs


class Agent(Section):
    """Tools that run on this machine when the model calls them."""

    heading: ClassVar[str] = "Agent"
    tables: ClassVar[tuple[str, ...]] = ("runtime",)
    rules: ClassVar[tuple[Rule, ...]] = (
        needs("search_embedding_model", "enable_search", "agent"),
        needs("search_provider", "enable_search", "agent"),
        needs("code_exec_python", "enable_code_execution", "agent", "enable_shell"),
        needs("code_exec_timeout", "enable_code_execution", "agent"),
        needs("code_exec_workdir", "enable_code_execution", "agent", "enable_shell"),
        needs("shell_timeout", "enable_shell"),
    )

    agent: Annotated[bool, flag("--agent", also=("--agentic",))] = False
    """Turn on all agent tools: web search and Python."""
    enable_search: Annotated[bool, flag("--enable-search")] = False
    """Offer web search and page reading."""
    search_embedding_model: Annotated[str, flag("--search-embedding-model", metavar="NAME")] = "minilm"
    """Model that ranks what was found: `minilm`, `embedding-gemma`, a repository or folder, or `none`."""
    search_provider: Annotated[tuple[str, ...], flag("--search-provider", metavar="NAME")] = ("ddgs",)
    """Search engine: `ddgs`, `searxng=URL`, `brave` or `tavily` (keys in BRAVE_API_KEY, TAVILY_API_KEY); repeat for
    more, each is asked when those before it fail."""
    enable_code_execution: Annotated[bool, flag("--enable-code-execution")] = False
    """Offer a Python interpreter, one per session, in the sandbox."""
    code_exec_python: Annotated[FilePath | None, flag("--code-exec-python")] = None
    """Python executable for the interpreter; the one that runs this program when unset."""
    code_exec_timeout: Annotated[int, Field(gt=0), flag("--code-exec-timeout", metavar="SECONDS")] = 30
    """Longest run of one piece of code."""
    code_exec_workdir: Annotated[str | None, flag("--code-exec-workdir", metavar="DIR")] = None
    """Folder that keeps a folder for each session, where its code runs; temporary ones when unset."""
    agent_permission: Annotated[
        Literal["auto", "ask", "deny"],
        flag("--agent-permission", also=("--code-exec-permission",), keys=("code_exec_permission",)),
    ] = "auto"
    """Run tool calls at once, ask for each, or refuse all; a request can be stricter, never laxer."""
    permission_rule: Annotated[tuple[str, ...], flag("--permission-rule", metavar="RULE")] = ()
    """`TOOL=PERMISSION` or `TOOL(TEXT)=PERMISSION`, such as `mistralrs_search_the_web=auto`; the first that fits a call
    counts, before `--agent-permission`."""
    state: Annotated[str | None, flag("--state", also=("--session-db",), keys=("session_db",), metavar="PLACE")] = None
    """Where conversations and files are kept: a SQLite file, a SQLAlchemy URL such as
    `postgresql+psycopg://user@host/name`, or `memory`; unset, a server keeps them in
    `~/.local/state/mistralrs/state.db` and a chat in memory."""
    session_limit: Annotated[int, Field(gt=0), flag("--session-limit")] = 128
    """Sessions whose interpreters stay; above it the one unused for longest loses its own."""
    session_idle: Annotated[int, Field(gt=0), flag("--session-idle", metavar="SECONDS")] = 1800
    """How long the interpreter of an unused session stays."""
    session_keep: Annotated[int, Field(gt=0), flag("--session-keep")] = 10_000
    """Conversations that are kept; above it the one unused for longest is forgotten."""
    session_ttl: Annotated[int | None, Field(gt=0), flag("--session-ttl", metavar="SECONDS")] = None
    """How long an unused conversation is kept; for ever when unset."""
    match_sessions: Annotated[bool, flag("--match-sessions")] = False
    """Let a client that sends a whole conversation without a `session_id` go on with the session it repeats; only for
    clients that trust each other, or have keys of their own."""
    tool_timeout: Annotated[int, Field(gt=0), flag("--tool-timeout", metavar="SECONDS")] = 600
    """Longest run of one tool call, for tools without a limit of their own."""
    enable_shell: Annotated[bool, flag("--enable-shell")] = False
    """Offer a shell, in the sandbox session of the Python tools: same files, same limits."""
    shell_path: Annotated[FilePath | None, flag("--shell-path", supported=False)] = None
    """Shell to use; `/bin/sh` when unset."""
    shell_timeout: Annotated[int, Field(gt=0), flag("--shell-timeout", metavar="SECONDS")] = 600
    """Longest run of one shell call."""
    shell_workdir: Annotated[str | None, flag("--shell-workdir", supported=False, metavar="DIR")] = None
    """Folder where the shell runs."""
    skills_dir: Annotated[str | None, flag("--skills-dir", metavar="DIR")] = None
    """Folder with skills, one folder with a SKILL.md each, which the model may use; it keeps uploaded ones too. Without
    it those are gone when the server ends."""
    mcp_config: Annotated[FilePath | None, flag("--mcp-config", supported=False)] = None
    """JSON file with MCP servers whose tools the model may call."""

    @property
    def runs_code(self) -> bool:
        return self.agent or self.enable_code_execution

    @property
    def searches(self) -> bool:
        return self.agent or self.enable_search


class Sandbox(Section):
    """What confines the code that the model runs."""

    heading: ClassVar[str] = "Sandbox"
    tables: ClassVar[tuple[str, ...]] = ("sandbox",)

    mode: Annotated[Literal["auto", "on", "off"], flag("--sandbox", env="MISTRALRS_SANDBOX")] = "auto"
    """`auto` uses the layers this machine has and warns of missing ones; `on` needs all; `off` confines nothing."""
    profile: Annotated[Literal["developer", "restricted"], flag("--sandbox-profile", supported=False)] = "restricted"
    """What can be read besides the work folder."""
    max_memory_mb: Annotated[int, Field(gt=0), flag("--sb-max-memory-mb")] = 2048
    """Memory of a session's processes, in MiB."""
    max_cpu_secs: Annotated[int, Field(gt=0), flag("--sb-max-cpu-secs")] = 300
    """CPU time of a session, in seconds."""
    max_procs: Annotated[int, Field(gt=0), flag("--sb-max-procs")] = 64
    """Processes and threads of a session."""
    max_disk_mb: Annotated[int, Field(gt=0), flag("--sb-max-disk-mb")] = 1024
    """Size of the files a session may add, in MiB."""
    network: Annotated[Literal["none", "loopback", "full"], flag("--sandbox-network")] = "loopback"
    """What the code can reach: nothing, a loopback of its own, or the whole network."""
