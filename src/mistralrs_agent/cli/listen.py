"""A loaded model behind a port, with or without the terminal chat on top."""

from __future__ import annotations

import asyncio
import logging
import sys
from contextlib import AsyncExitStack

import click

from mistralrs_agent.agent.local import LocalConversation
from mistralrs_agent.cli.chat import full_screen
from mistralrs_agent.cli.logs import ACCESS_LOG, LogStyle, log_to_file, log_to_terminal
from mistralrs_agent.cli.wiring import Running, open_agent, open_tracing, server_settings
from mistralrs_agent.options import Options
from mistralrs_agent.server.app import create_app, create_mcp_app
from mistralrs_agent.server.serve import bind, serve, serving, url_of
from mistralrs_agent.server.telemetry import Telemetry
from mistralrs_agent.storage.database import default_file

log = logging.getLogger("mistralrs_agent")


def serve_model(options: Options) -> None:
    """Claim the ports, load the model, and serve until a signal comes or the person leaves the chat."""
    log_to_terminal(LogStyle.of(options))
    if options.server.disable_access_log:
        logging.getLogger(ACCESS_LOG).disabled = True
    asyncio.run(_serve(options))


async def _serve(options: Options) -> None:
    async with AsyncExitStack() as stack:
        server = options.server
        ports = [server.port] if server.mcp_port is None else [server.port, server.mcp_port]
        listeners = [stack.enter_context(bind(server.host, port)) for port in ports]
        tracing = open_tracing(options)
        if tracing is not None:
            stack.push_async_callback(tracing.close)
        running = await stack.enter_async_context(open_agent(options, log.info, default_state=default_file()))
        settings = server_settings(options, running)
        telemetry = Telemetry(running.agent, tracing)
        telemetry.metrics.gauge("mistralrs_sandbox_sessions", "Open sandboxes.", running.interpreters.__len__)
        apps = [create(running.agent, settings, telemetry) for create in (create_app, create_mcp_app)[: len(ports)]]
        places = list(zip(apps, listeners, strict=True))
        addresses = [url_of(listener) for listener in listeners]
        _tell(options, running, addresses)
        if not _opens_chat(options):
            await serve(places)
            return
        for app, listener in places:
            await stack.enter_async_context(serving(app, listener))
        click.echo(f"Log lines go to {log_to_file(LogStyle.of(options))}", err=True)
        summary, table = running.sandbox_summary, running.sandbox_table
        await full_screen(LocalConversation(running.agent, summary, addresses[0], sandbox_table=table))


def _opens_chat(options: Options) -> bool:
    wants_agent = options.agent.runs_code or options.agent.searches
    return wants_agent and not options.server.no_tui and sys.stdin.isatty() and sys.stdout.isatty()


def _tell(options: Options, running: Running, addresses: list[str]) -> None:
    """What a person who reads the log should know."""
    model = running.agent.model.info
    if model.notice:
        log.warning("%s", model.notice)
    log.info("Tools: %s. %s", ", ".join(running.agent.toolbox.names) or "none", running.sandbox_summary)
    for layer in running.sandbox.gaps if running.sandbox else ():
        log.warning("Sandbox: %s is off (%s). Remedy: %s", layer.name, layer.detail, layer.remedy or "none")
    log.info("Serving %s at %s/v1 (OpenAI) and %s/mcp (MCP)", model.id, addresses[0], addresses[-1])
    has_keys = options.server.api_key or options.server.user_keys
    if options.server.host not in ("127.0.0.1", "localhost", "::1") and not has_keys:
        log.warning(
            "Everyone who reaches %s may use this model and its tools: set --api-key or --user-keys", addresses[0]
        )
