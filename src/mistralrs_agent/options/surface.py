"""Options about how people and programs reach the agent: HTTP, the terminal, logs."""

from __future__ import annotations

import re
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field, FilePath

from mistralrs_agent.options.section import Rule, Section, differ, flag, needs


def _is_token_source(text: str) -> str:
    if not re.fullmatch(r"cache|none|(literal|env|path):.+", text):
        raise ValueError("should be 'literal:TOKEN', 'env:VARIABLE', 'path:FILE', 'cache' or 'none'")
    return text


def _is_address(url: str | None) -> str | None:
    if url is not None and not url.startswith(("http://", "https://")):
        raise ValueError("should begin with http:// or https://")
    return url


class General(Section):
    """Settings of the whole program."""

    heading: ClassVar[str] = "General"
    tables: ClassVar[tuple[str, ...]] = ("global",)

    seed: Annotated[int | None, Field(ge=0), flag("--seed")] = None
    """Seed of the random numbers, for repeatable sampling."""
    token_source: Annotated[
        str, AfterValidator(_is_token_source), flag("--token-source", metavar="SOURCE", secret=True)
    ] = "cache"
    """Where the Hugging Face token comes from: `literal:TOKEN`, `env:VARIABLE`, `path:FILE`, `cache` or `none`."""
    verbose: Annotated[int, Field(ge=0), flag("-v", "--verbose", count=True)] = 0
    """Log more; twice logs everything."""
    log: Annotated[str | None, flag("-l", "--log", supported=False, metavar="FILE")] = None
    """Write every request and response to this file."""


class Server(Section):
    """The HTTP server."""

    heading: ClassVar[str] = "Server"
    tables: ClassVar[tuple[str, ...]] = ("server",)
    rules: ClassVar[tuple[Rule, ...]] = (
        differ("mcp_port", "port"),
        needs("tool_dispatch_timeout", "tool_dispatch_url"),
        needs("otlp_content", "otlp_endpoint"),
    )

    host: Annotated[str, flag("--host", metavar="ADDRESS")] = "127.0.0.1"
    """Address to listen on; `0.0.0.0` opens the server to the network, best together with `--api-key`."""
    port: Annotated[int, Field(ge=0, le=65535), flag("-p", "--port")] = 1234
    """Port of the HTTP server; 0 picks a free one."""
    mcp_port: Annotated[int | None, Field(gt=0, le=65535), flag("--mcp-port")] = None
    """Serve MCP on this port too; it is always at `/mcp` of the HTTP port."""
    api_key: Annotated[str | None, flag("--api-key", metavar="KEY", env="MISTRALRS_API_KEY", secret=True)] = None
    """Refuse requests that do not carry this key; open to everyone who reaches the port when unset."""
    user_keys: Annotated[FilePath | None, flag("--user-keys", metavar="FILE")] = None
    """File with a line `NAME KEY` for each user; each has conversations, files and approvals of their own, and who has
    the `--api-key` sees all."""
    cors_origin: Annotated[tuple[str, ...], flag("--cors-origin", metavar="ORIGIN")] = ()
    """Web page origin that may call the server from a browser; repeat for several, `*` for any."""
    max_body_mb: Annotated[int, Field(gt=0), flag("--max-body-mb")] = 50
    """Largest request body, in MiB; an upload may always hold a file of 64 MiB."""
    max_tool_rounds: Annotated[int, Field(ge=0), flag("--max-tool-rounds")] = 256
    """Rounds of tool calls in one request; 0 turns the agent loop off."""
    no_tui: Annotated[bool, flag("--no-tui")] = False
    """Serve without opening the terminal chat, even on a terminal."""
    no_ui: Annotated[bool, flag("--no-ui", supported=False)] = False
    """Serve no web page."""
    tool_dispatch_url: Annotated[
        str | None, AfterValidator(_is_address), flag("--tool-dispatch-url", metavar="URL")
    ] = None
    """POST calls of the client's tools to this address, and go on with its answers."""
    tool_dispatch_secret: Annotated[
        str | None, flag("--tool-dispatch-secret", metavar="SECRET", env="MISTRALRS_TOOL_DISPATCH_SECRET", secret=True)
    ] = None
    """Sign these calls with it (HMAC-SHA256, header `X-Mistralrs-Signature`)."""
    tool_dispatch_timeout: Annotated[int, Field(gt=0), flag("--tool-dispatch-timeout", metavar="SECONDS")] = 30
    """Longest wait for one answer; a call is tried three times."""
    disable_access_log: Annotated[bool, flag("--disable-access-log")] = False
    """Log no requests."""
    access_log_format: Annotated[Literal["text", "json"], flag("--access-log-format", also=("--log-format",))] = "text"
    """How log lines are written; `json` holds for all of them, not only for requests."""
    access_log_health: Annotated[bool, flag("--access-log-health")] = False
    """Log health checks too, not only requests that ask for something."""
    disable_request_id_header: Annotated[bool, flag("--disable-request-id-header")] = False
    """Send no x-request-id header with answers."""
    disable_metrics: Annotated[bool, flag("--disable-metrics")] = False
    """Serve no /metrics."""
    otlp_endpoint: Annotated[
        str | None,
        AfterValidator(_is_address),
        flag("--otlp-endpoint", metavar="URL", env="OTEL_EXPORTER_OTLP_ENDPOINT"),
    ] = None
    """Send traces of requests, turns, model rounds and tool calls to this OpenTelemetry collector (OTLP over HTTP)."""
    otlp_content: Annotated[bool, flag("--otlp-content")] = False
    """Let traces also tell what was asked and answered, and what went into tools and came out."""


class Chat(Section):
    """The chat in the terminal."""

    heading: ClassVar[str] = "Chat"
    tables: ClassVar[tuple[str, ...]] = ("",)

    input: Annotated[str | None, flag("-i", "--input", metavar="TEXT", in_files=False)] = None
    """Ask this, print the answer and leave; `-` reads the question from standard input."""
    plain: Annotated[bool, flag("--plain", in_files=False)] = False
    """Chat line by line instead of in the full-screen terminal app."""
    thinking: Annotated[bool | None, flag("--thinking", keys=("enable_thinking",), optional_value=True)] = None
    """Ask the model to think first, or not to; the model's own habit when unset."""
    reasoning_effort: Annotated[
        Literal["low", "medium", "high"] | None, flag("--reasoning-effort", supported=False)
    ] = None
    """How long to think."""
    adapter: Annotated[str | None, flag("--adapter", metavar="ALIAS")] = None
    """LoRA adapter to answer with, one of those loaded with `--lora`; `none` for the model as it is."""
    image: Annotated[tuple[str, ...], flag("--image", supported=False, in_files=False, metavar="FILE")] = ()
    """Picture that goes with the input."""
    video: Annotated[tuple[str, ...], flag("--video", supported=False, in_files=False, metavar="FILE")] = ()
    """Video that goes with the input."""
    audio: Annotated[tuple[str, ...], flag("--audio", supported=False, in_files=False, metavar="FILE")] = ()
    """Sound that goes with the input."""
