"""`mistralrs bench sandbox`: how fast sessions of the sandbox start, answer and end."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict

import click

from mistralrs_agent.errors import UserError
from mistralrs_agent.options import Options
from sandbox import SandboxError, SandboxPolicy
from sandbox.measure import measure

SESSIONS_PER_ITERATION = 170
"""More than 500 with the usual number of iterations."""


def bench_sandbox(options: Options) -> None:
    """Measure and print. Raises: UserError where no session can be started."""
    chosen = options.benchmark
    try:
        figures = asyncio.run(measure(SandboxPolicy(), chosen.iterations * SESSIONS_PER_ITERATION))
    except SandboxError as error:
        raise UserError(f"the sandbox cannot be measured here: {error}") from error
    if chosen.json_output:
        click.echo(json.dumps({"sandbox": [asdict(figure) for figure in figures]}, indent=2))
        return
    click.echo(f"{'':<48}{'median':>9}{'p95':>9}")
    for figure in figures:
        click.echo(f"{figure.name:<48}{figure.median:>9.2f}{figure.p95:>9.2f} {figure.unit}")
