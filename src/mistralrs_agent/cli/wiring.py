"""From options to running parts: the one place that knows how the rooms fit together."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Literal, cast

from engine import ModelOptions
from engine.adapters.asked import AdapterLimits, AdapterOption
from engine.adapters.config import CONFIG_FILE
from engine.chat.local import open_model
from mistralrs_agent.agent.agent import Agent, AgentSettings
from mistralrs_agent.agent.events import Permission
from mistralrs_agent.agent.rules import Rule
from mistralrs_agent.agent.sessions import Sessions
from mistralrs_agent.errors import ConfigError, UserError
from mistralrs_agent.options import Options
from mistralrs_agent.options.model import adapter_options
from mistralrs_agent.options.user_keys import read_user_keys
from mistralrs_agent.server.settings import ServerSettings
from mistralrs_agent.storage.database import MEMORY
from mistralrs_agent.storage.sessions import SessionStore
from mistralrs_agent.storage.skills import SkillStore
from mistralrs_agent.tools.dispatch import Dispatcher
from mistralrs_agent.tools.files import file_tools
from mistralrs_agent.tools.interpreters import Interpreters
from mistralrs_agent.tools.python import python_tools
from mistralrs_agent.tools.shell import ShellTool
from mistralrs_agent.tools.skills import SkillTool
from mistralrs_agent.tools.toolbox import Toolbox
from sandbox import LayerReport, SandboxError, SandboxPolicy, describe

if TYPE_CHECKING:
    from mistralrs_agent.server.tracing.tracing import Tracing

CacheType = Literal["auto", "f32", "bf16", "f16", "f8e4m3"]
_CACHE_TYPES: dict[str, CacheType] = {"float32": "f32", "bfloat16": "bf16", "float16": "f16", "float8_e4m3fn": "f8e4m3"}
"""Long names of types and the short ones they mean."""
BUILT_IN = Path(__file__).parents[1] / "default_model"
"""The adapter of the default model and its chat template."""
BUILT_IN_ADAPTER = "agent"
BUILT_IN_READS, BUILT_IN_RESULTS = 2400, 5
"""Characters and pages of a search that the small built-in model reads well."""
Report = Callable[[str], None]
"""Told what happens while a model is made ready."""


@dataclass(frozen=True, slots=True)
class Running:
    """An agent with its model loaded."""

    agent: Agent
    interpreters: Interpreters
    """Sandboxes in use."""
    sandbox_summary: str
    """One line: what isolates tools, or that nothing runs."""
    sandbox: LayerReport | None = None
    """The layers behind it; None when nothing runs."""

    @property
    def sandbox_table(self) -> str:
        """Each layer, on or off, why, and the remedy; empty when nothing runs."""
        return self.sandbox.table() if self.sandbox else ""


def model_options(options: Options) -> ModelOptions:
    """What the engine is asked for. The default model uses tools by its adapter, and talks without."""
    asked = _asked(options)
    if asked.model_id is not None or asked.quantized_file is not None or not (BUILT_IN / CONFIG_FILE).is_file():
        return asked
    return replace(
        asked,
        adapters=(AdapterOption(BUILT_IN_ADAPTER, str(BUILT_IN)), *asked.adapters),
        tool_adapter=None if asked.default_adapter else BUILT_IN_ADAPTER,
        chat_template=asked.chat_template or BUILT_IN / "chat_template.jinja",
    )


def _asked(options: Options) -> ModelOptions:
    model, file, cache = options.model, options.format, options.paged_attn
    gguf_file = file.quantized_file is not None and file.quantized_file.endswith(".gguf")
    return ModelOptions(
        model_id=model.model_id,
        alias=model.alias,
        format="gguf" if gguf_file or file.format == "gguf" else "plain",
        quantized_file=file.quantized_file,
        tok_model_id=file.tok_model_id,
        tokenizer=model.tokenizer,
        arch=model.arch,
        dtype=model.dtype,
        isq=options.quantization.isq,
        quant=options.quantization.quant,
        revision=model.revision,
        token_source=options.general.token_source,
        hf_cache=Path(options.device.hf_cache) if options.device.hf_cache else None,
        chat_template=options.template.jinja_explicit or options.template.chat_template,
        cpu=options.device.cpu,
        threads=options.device.threads,
        adapters=tuple(adapter_options(options.adapters.lora)),
        default_adapter=options.chat.adapter,
        adapter_limits=AdapterLimits(
            options.adapters.lora_max_adapters, options.adapters.lora_max_rank, options.adapters.lora_max_bytes
        ),
        seed=options.general.seed,
        max_model_len=options.device.max_seq_len,
        max_seqs=options.runtime.max_seqs,
        max_num_batched_tokens=options.runtime.max_num_batched_tokens,
        max_prompt_tokens=options.runtime.max_prompt_chunk,
        no_kv_cache=options.runtime.no_kv_cache,
        prefix_cache_n=0 if options.runtime.enable_prefix_caching is False else options.runtime.prefix_cache_n,
        pa_block_size=cache.block_size,
        pa_context_len=cache.context_len,
        pa_memory_mb=cache.memory_mb,
        pa_memory_fraction=cache.memory_fraction,
        pa_cache_type=_CACHE_TYPES.get(cache.cache_type) or cast("CacheType", cache.cache_type),  # a short one
        max_waiting=options.runtime.max_waiting,
    )


def sandbox_policy(options: Options) -> SandboxPolicy:
    """What confines the code that the model runs."""
    agent, limits = options.agent, options.sandbox
    return SandboxPolicy(
        mode=limits.mode,
        network=limits.network,
        max_memory_mb=limits.max_memory_mb,
        max_cpu_secs=limits.max_cpu_secs,
        max_procs=limits.max_procs,
        max_disk_mb=limits.max_disk_mb,
        python=agent.code_exec_python,
        timeout_s=agent.code_exec_timeout,
        workdir=Path(agent.code_exec_workdir) if agent.code_exec_workdir else None,
    )


def agent_settings(options: Options) -> AgentSettings:
    """What turns may do."""
    server = options.server
    url = server.tool_dispatch_url
    dispatcher = Dispatcher(url, server.tool_dispatch_secret, server.tool_dispatch_timeout) if url else None
    return AgentSettings(
        dispatcher=dispatcher,
        permission=Permission(options.agent.agent_permission),
        permission_rules=tuple(map(Rule.parse, options.agent.permission_rule)),
        max_rounds=server.max_tool_rounds,
        code_execution=options.agent.runs_code,
        web_search=options.agent.searches,
        shell=options.agent.enable_shell,
        match_sessions=options.agent.match_sessions,
        tool_timeout_s=options.agent.tool_timeout,
    )


def server_settings(options: Options, running: Running) -> ServerSettings:
    """How the HTTP server behaves."""
    server = options.server
    return ServerSettings(
        api_key=server.api_key,
        user_keys=read_user_keys(server.user_keys),
        cors_origins=server.cors_origin,
        model_names=(options.model.model_id,) if options.model.model_id else (),
        adapter_root=options.adapters.lora_root if options.adapters.enable_lora else None,
        max_body_bytes=server.max_body_mb << 20,
        request_id_header=not server.disable_request_id_header,
        access_log_health=server.access_log_health,
        metrics=not server.disable_metrics,
        sandbox_summary=running.sandbox_summary,
        sandbox_table=running.sandbox_table,
        sandbox_layers=tuple(asdict(layer) for layer in running.sandbox.layers) if running.sandbox else (),
    )


def open_tracing(options: Options) -> Tracing | None:
    """Where traces go; None when nobody asked for them.

    Raises: ConfigError.
    """
    endpoint = options.server.otlp_endpoint
    if endpoint is None:
        return None
    try:
        from mistralrs_agent.server.tracing.tracing import Tracing  # noqa: PLC0415 - of an extra
    except ImportError as error:
        needed = "--otlp-endpoint (or OTEL_EXPORTER_OTLP_ENDPOINT) needs OpenTelemetry, which is not installed"
        raise ConfigError(f"{needed}: pip install 'mistralrs-agent[otel]'") from error
    return Tracing.to_endpoint(endpoint, content=options.server.otlp_content)


@asynccontextmanager
async def open_agent(
    options: Options, report: Report, *, default_state: str | Path = MEMORY, local_pages: bool = False
) -> AsyncGenerator[Running]:
    """Load the model and put its tools around it; on leaving, everything is given back.

    `default_state` is where conversations are kept when the options do not say; with `local_pages` the web tools also
    fetch from this machine.
    Raises: UserError when the sandbox cannot be had, engine.EngineError when the model cannot.
    """
    async with AsyncExitStack() as stack:
        choice = options.agent
        store = SessionStore(choice.state or default_state, keep=choice.session_keep, ttl_s=choice.session_ttl)
        stack.callback(store.close)
        toolbox = Toolbox()
        sandbox = None
        interpreters = Interpreters(sandbox_policy(options), store.files)
        runs_code = options.agent.runs_code or options.agent.enable_shell
        if runs_code:
            sandbox = await _add_code_tools(toolbox, interpreters, options)
        for tool in file_tools(store.files, interpreters if runs_code else None):
            toolbox.add(tool)
        skills_dir = choice.skills_dir or stack.enter_context(TemporaryDirectory(prefix="mistralrs-skills-"))
        toolbox.add(SkillTool(SkillStore(Path(skills_dir)), interpreters))
        if options.agent.searches:
            _add_search(toolbox, options, local_pages=local_pages)
        model = await open_model(model_options(options), report=report)
        stack.push_async_callback(model.close)
        sessions = Sessions(store, toolbox.end_session, limit=choice.session_limit, idle_s=choice.session_idle)
        agent = Agent(model, toolbox, agent_settings(options), sessions)
        stack.push_async_callback(agent.close)
        summary = sandbox.summary() if sandbox else "No code runs here."
        yield Running(agent, interpreters, summary, sandbox)


def _add_search(toolbox: Toolbox, options: Options, *, local_pages: bool) -> None:
    # Only here: HTTP and page reading take a while to import, which would put off the first token.
    from mistralrs_agent.search.engines import providers_named  # noqa: PLC0415
    from mistralrs_agent.search.web import SearchSettings, open_search  # noqa: PLC0415
    from mistralrs_agent.tools.read_page import ReadPageTool  # noqa: PLC0415
    from mistralrs_agent.tools.web_search import WebSearchTool  # noqa: PLC0415

    name = options.agent.search_embedding_model
    settings = SearchSettings(embedding_model=None if name == "none" else name, allow_private=local_pages)
    if options.model.model_id is None and options.format.quantized_file is None:
        settings = replace(settings, max_chars=BUILT_IN_READS, max_results=BUILT_IN_RESULTS)
    search, pages = open_search(settings, providers_named(options.agent.search_provider))
    toolbox.add(WebSearchTool(search))
    toolbox.add(ReadPageTool(pages))


async def _add_code_tools(toolbox: Toolbox, interpreters: Interpreters, options: Options) -> LayerReport:
    """Offer Python and the shell as asked, if this machine can confine them as asked; returns what does."""
    try:
        report = await describe(interpreters.policy)
    except SandboxError as error:
        raise UserError(f"code execution is not possible here: {error}") from error
    if report.refusal:
        raise UserError(report.refusal)
    if options.agent.runs_code:
        for tool in python_tools(interpreters, report.facts()):
            toolbox.add(tool)
    if options.agent.enable_shell:
        toolbox.add(ShellTool(interpreters, report.facts(), options.agent.shell_timeout))
    return report
