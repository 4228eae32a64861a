"""Options reach the parts they are about."""

from __future__ import annotations

import sys
from dataclasses import fields, replace
from pathlib import Path

import pytest

from engine import ModelOptions
from engine.adapters.asked import AdapterLimits
from mistralrs_agent.agent.agent import AgentSettings
from mistralrs_agent.agent.events import Permission
from mistralrs_agent.cli import cli
from mistralrs_agent.cli.logs import LogStyle
from mistralrs_agent.cli.wiring import agent_settings, model_options, open_tracing, sandbox_policy
from mistralrs_agent.errors import ConfigError
from mistralrs_agent.options import Options
from mistralrs_agent.options.user_keys import read_user_keys
from sandbox import SandboxPolicy


@pytest.fixture
def chosen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Options as the command line makes them."""
    template = tmp_path / "chat.jinja"
    template.touch()

    def choose(line: str) -> Options:
        seen: list[Options] = []
        monkeypatch.setattr("mistralrs_agent.cli.serve.start_server", seen.append)
        cli.main(["serve", *line.replace("FILE", str(template)).split()], standalone_mode=False)
        return seen[0]

    return choose


def test_without_options_the_engine_decides(chosen, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr("mistralrs_agent.cli.wiring.BUILT_IN", tmp_path)
    assert model_options(chosen("")) == ModelOptions()
    assert sandbox_policy(chosen("")) == SandboxPolicy()
    assert agent_settings(chosen("")) == AgentSettings()


def test_every_engine_option_can_be_given(chosen):
    line = (
        "text -m repo --isq 4 --quant 8 --alias pet -f a.gguf --tok-model-id base -t FILE -a llama --dtype f16 "
        "--revision abc --token-source none --hf-cache /hub -c FILE --cpu --threads 3 --seed 4 --max-seq-len 5 "
        "--max-seqs 6 --max-num-batched-tokens 7 --max-prompt-chunk 6 --no-kv-cache --prefix-cache-n 0 "
        "--pa-block-size 8 --pa-cache-type bf16 --max-waiting 9 --lora a=x;y --lora owner/b --lora-max-adapters 3"
    )
    given = model_options(chosen(line))
    same = [
        item.name for item in fields(ModelOptions) if getattr(given, item.name) == getattr(ModelOptions(), item.name)
    ]
    at_most_one = ["pa_context_len", "pa_memory_mb", "pa_memory_fraction"]
    assert same == ["default_adapter", "tool_adapter", *at_most_one]
    assert [(adapter.alias, adapter.source) for adapter in given.adapters] == [("a", "x"), ("y", "y"), ("b", "owner/b")]
    assert given.adapter_limits == AdapterLimits(adapters=3)
    assert (given.format, given.alias, given.max_model_len, given.pa_block_size) == ("gguf", "pet", 5, 8)


def test_the_default_model_uses_tools_by_the_adapter_and_template_that_come_with_it(
    chosen, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    folder = tmp_path / "built-in"
    folder.mkdir()
    (folder / "adapter_config.json").touch()
    monkeypatch.setattr("mistralrs_agent.cli.wiring.BUILT_IN", folder)
    given = model_options(chosen("--lora a=x"))
    assert [adapter.alias for adapter in given.adapters] == ["agent", "a"]
    assert (given.tool_adapter, given.default_adapter) == ("agent", None)
    assert given.chat_template == folder / "chat_template.jinja"
    options = chosen("--lora a=x")
    named = model_options(replace(options, chat=options.chat.model_copy(update={"adapter": "a"})))
    assert (named.tool_adapter, named.default_adapter) == (None, "a")
    assert model_options(chosen("-m repo")) == ModelOptions(model_id="repo")
    assert model_options(chosen("-c FILE")).chat_template == tmp_path / "chat.jinja"


@pytest.mark.parametrize(
    ("line", "field", "value"),
    [
        ("--pa-context-len 64", "pa_context_len", 64),
        ("--pa-memory-mb 65", "pa_memory_mb", 65),
        ("--pa-memory-fraction 0.5", "pa_memory_fraction", 0.5),
        ("--pa-cache-type f8e4m3", "pa_cache_type", "f8e4m3"),
        ("--pa-cache-type f32", "pa_cache_type", "f32"),
        ("--kv-cache-format float8_e4m3fn", "pa_cache_type", "f8e4m3"),
        ("--kv-cache-format bfloat16", "pa_cache_type", "bf16"),
        ("--kv-cache-page-size 128", "pa_block_size", 128),
        ("--device-memory-utilization 0.5", "pa_memory_fraction", 0.5),
        ("--max-batch-input-tokens 64", "max_num_batched_tokens", 64),
        ("--max-request-input-tokens 64", "max_prompt_tokens", 64),
        ("--max-queue 3", "max_waiting", 3),
        ("--max-pending-requests 3", "max_waiting", 3),
        ("--enable-prefix-caching", "prefix_cache_n", 16),
        ("--enable-prefix-caching=false", "prefix_cache_n", 0),
        ("--enable-chunked-prefill --enable-in-flight-batching", "max_prompt_tokens", None),
        ("--cache-strategy paged", "pa_block_size", None),
        ("--format gguf -m repo", "format", "gguf"),
        ("-m repo", "format", "plain"),
        ("--model-path repo", "model_id", "repo"),
        ("--served-model-name pet", "alias", "pet"),
    ],
)
def test_an_engine_option_arrives(chosen, line: str, field: str, value: object):
    assert getattr(model_options(chosen(line)), field) == value


def test_the_explicit_template_wins(chosen, tmp_path: Path):
    explicit = tmp_path / "explicit.jinja"
    explicit.touch()
    assert model_options(chosen(f"-c FILE -j {explicit}")).chat_template == explicit


def test_the_agent_shortcut_means_search_and_python(chosen):
    settings = agent_settings(chosen("--agent --code-exec-permission ask --max-tool-rounds 3"))
    assert settings == AgentSettings(Permission.ASK, max_rounds=3, code_execution=True, web_search=True)
    assert agent_settings(chosen("--enable-search")).code_execution is False


def test_sandbox_limits_arrive(chosen):
    line = (
        "--enable-code-execution --sandbox on --sandbox-network none --sb-max-memory-mb 100 --sb-max-cpu-secs 10 "
        "--sb-max-procs 5 --sb-max-disk-mb 50 --code-exec-timeout 3 --code-exec-workdir /work --code-exec-python FILE"
    )
    policy = sandbox_policy(chosen(line))
    assert policy.python is not None and policy.python.name == "chat.jinja"
    assert policy == SandboxPolicy("on", "none", 100, 10, 5, 50, policy.python, 3, Path("/work"))


def test_traces_go_nowhere_unless_an_endpoint_is_named(chosen, monkeypatch):
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT", raising=False)
    assert open_tracing(chosen("")) is None
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318")
    assert open_tracing(chosen("")) is not None
    assert chosen("--otlp-content").server.otlp_content


def test_an_endpoint_without_opentelemetry_is_refused_with_what_to_install(chosen, monkeypatch):
    monkeypatch.setitem(sys.modules, "mistralrs_agent.server.tracing.tracing", None)
    with pytest.raises(ConfigError, match=r"--otlp-endpoint .* not installed: pip install 'mistralrs-agent\[otel\]'"):
        open_tracing(chosen("--otlp-endpoint http://127.0.0.1:4318"))


def test_the_log_knows_every_secret_that_was_given(chosen):
    line = "--api-key sesame-1 --tool-dispatch-url http://x --tool-dispatch-secret sesame-2 --token-source literal:hf_3"
    style = LogStyle.of(chosen(line))
    assert set(style.secrets) == {"sesame-1", "sesame-2", "hf_3"}
    assert "sesame" not in repr(style)


def test_a_secret_that_is_wrong_is_not_repeated(chosen):
    with pytest.raises(ConfigError, match="--token-source") as caught:
        chosen("--token-source hf_sesame")
    assert "hf_sesame" not in str(caught.value)


def test_users_come_from_a_file_and_their_keys_are_secrets(chosen, tmp_path):
    path = tmp_path / "users"
    path.write_text("# who may\n\nann 0123456789abcdef\nbob  fedcba9876543210\nbob another-key-of-bob\n")
    options = chosen(f"--user-keys {path}")
    keys = {"0123456789abcdef": "ann", "fedcba9876543210": "bob", "another-key-of-bob": "bob"}
    assert read_user_keys(options.server.user_keys) == keys
    assert set(LogStyle.of(options).secrets) >= set(keys)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("ann short", "line 1 should be 'NAME KEY'"),
        ("ann 0123456789abcdef\na/b 0123456789abcdeg", "line 2 should be 'NAME KEY'"),
        ("ann 0123456789abcdef x", "line 1"),
        ("ann 0123456789abcdef\nbob 0123456789abcdef", "line 2: this key"),
        ("# nobody", "names nobody"),
    ],
)
def test_a_file_of_users_that_is_wrong_is_refused_without_its_keys(lines, said, tmp_path):
    path = tmp_path / "users"
    path.write_text(lines)
    with pytest.raises(ConfigError, match=said) as caught:
        read_user_keys(path)
    assert "0123456789" not in str(caught.value)
