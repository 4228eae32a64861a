"""Options are declared once and say clearly what is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import pytest

from mistralrs_agent.errors import ConfigError
from mistralrs_agent.options import BENCH, RUN, SECTIONS, SERVE, Flag, Options, Section
from mistralrs_agent.options.agent import Agent, Sandbox
from mistralrs_agent.options.engine import PagedAttention
from mistralrs_agent.options.file import load_options
from mistralrs_agent.options.model import Model
from mistralrs_agent.options.surface import Server


def spelled(field: str) -> str:
    return f"<{field}>"


@pytest.mark.parametrize("section", SECTIONS.values())
def test_every_option_has_a_sentence_and_a_spelling(section: type[Section]):
    for info, flag in section.flags().values():
        assert info.description and info.description.endswith((".", "…"))
        assert flag.names


@pytest.mark.parametrize("names", [SERVE, RUN, BENCH])
def test_no_two_options_of_a_command_share_a_spelling(names: tuple[str, ...]):
    spellings = [
        spelling for name in names for _, flag in SECTIONS[name].flags().values() for spelling in flag.names + flag.also
    ]
    assert sorted(spellings) == sorted(set(spellings))


def test_seed_defaults_win_over_newer_ones():
    options = Options()
    assert (options.server.port, options.runtime.max_seqs, options.runtime.prefix_cache_n) == (1234, 32, 16)
    assert (options.agent.code_exec_timeout, options.sandbox.max_cpu_secs, options.sandbox.network) == (
        30,
        300,
        "loopback",
    )


@pytest.mark.parametrize(
    ("section", "given", "message"),
    [
        (Model, {"kind": "speech"}, "<kind> 'speech' is not supported yet"),
        (PagedAttention, {"mode": "off"}, "<mode> 'off' is not supported yet"),
        (PagedAttention, {"context_len": 1, "memory_mb": 1}, "<context_len> and <memory_mb> cannot be combined"),
        (Agent, {"shell_timeout": 5}, "<shell_timeout> needs <enable_shell>"),
        (Agent, {"code_exec_timeout": 5}, "<code_exec_timeout> needs <enable_code_execution> or <agent>"),
        (Agent, {"search_embedding_model": "minilm"}, "<search_embedding_model> needs <enable_search> or <agent>"),
        (Server, {"port": 8, "mcp_port": 8}, "<mcp_port> and <port> must differ; both are 8"),
        (Server, {"port": 70000}, "invalid value for <port>: 70000: should be less than or equal to 65535"),
        (Sandbox, {"mode": "maybe"}, "invalid value for <mode>: 'maybe': should be 'auto', 'on' or 'off'"),
    ],
)
def test_a_mistake_is_named_as_the_person_spelled_it(section: type[Section], given: dict[str, Any], message: str):
    with pytest.raises(ConfigError) as caught:
        section.build(given, spelled)
    assert message in str(caught.value)


def test_agent_switches_on_what_its_tools_need():
    assert Agent.build({"agent": True, "code_exec_timeout": 5}, spelled).code_exec_timeout == 5


def test_an_environment_variable_decides_where_nothing_else_did(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MISTRALRS_SANDBOX", "on")
    assert Sandbox.build({}, spelled).mode == "on"
    assert Sandbox.build({"mode": "auto"}, spelled).mode == "on"
    assert Sandbox.build({"mode": "off"}, spelled).mode == "off"
    monkeypatch.setenv("MISTRALRS_SANDBOX", "sometimes")
    with pytest.raises(ConfigError, match="invalid value for MISTRALRS_SANDBOX: 'sometimes'"):
        Sandbox.build({}, spelled)


# Configuration files


def toml_value(value: Any) -> str:
    return json.dumps(str(value) if isinstance(value, Path) else value)


def example(annotation: Any, flag: Flag, default: object, existing: Path) -> Any:
    """A value other than the default that a field accepts."""
    if get_origin(annotation) is Literal:
        return next((word for word in get_args(annotation) if word not in (default, *flag.not_yet)), default)
    if get_origin(annotation) is tuple:
        return ["one", "two"]
    members = [member for member in get_args(annotation) if member is not type(None)]
    if members:  # `X | None`, or a path with a check
        return example(members[0], flag, default, existing)
    words = "http://localhost:1" if flag.metavar == "URL" else "none"
    return {bool: True, int: len(flag.spelling), float: 0.5, str: words, Path: existing}[annotation]


@pytest.mark.parametrize("name", [name for name in SERVE if SECTIONS[name].tables])
def test_every_section_comes_back_from_a_file_as_it_went_in(name: str, tmp_path: Path):
    section = SECTIONS[name]
    existing = tmp_path / "file.jinja"
    existing.touch()
    given = {
        field: example(info.annotation, flag, info.default, existing)
        for field, (info, flag) in section.flags().items()
        if flag.supported and flag.in_files and field not in {"memory_mb", "memory_fraction"}
    }
    table = section.tables[0]
    heading = {"models": "[[models]]"}.get(
        table, f"[[models]]\n[{table}]" if table.startswith("models.") else f"[{table}]"
    )
    file = tmp_path / "options.toml"
    file.write_text("\n".join([heading, *(f"{field} = {toml_value(value)}" for field, value in given.items())]))
    command, options = load_options(file)
    assert command == "serve"
    assert getattr(options, name) == section.build(given, spelled)


def test_a_file_can_start_a_chat(tmp_path: Path):
    file = tmp_path / "chat.toml"
    file.write_text('command = "run"\nenable_thinking = true\n[runtime]\ncode_exec_permission = "ask"\n')
    command, options = load_options(file)
    assert command == "run"
    assert options.chat.thinking is True
    assert options.agent.agent_permission == "ask"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[runtime]\nmax_seq = 3", "unknown key runtime.max_seq; did you mean runtime.max_seqs?"),
        ("port = 3", "unknown key port; did you mean server.port?"),
        ("[sever]\nport = 3", "unknown key sever"),
        ('[server]\nport = "80"', "invalid value for server.port: '80': should be a valid integer"),
        ("[server]\nport = 1234\nmcp_port = 1234", "server.mcp_port and server.port must differ"),
        ("thinking = true", "thinking has no meaning for the command 'serve'"),
        ('command = "quantize"', "invalid value for command: 'quantize'"),
        ("[models]\nmodel_id = 'x'", "write [[models]]"),
        ("[[models]]\n[[models]]", "several models in one server are not supported yet; the file lists 2"),
        ("default_model_id = 'y'\n[[models]]\nmodel_id = 'x'", "default_model_id 'y' is not the id of a model"),
        ("[[models]]\n[models.device]\ntopology = 'x.yaml'", "models.device.topology is not supported yet"),
        ("[runtime", "not a valid configuration file"),
    ],
)
def test_a_mistake_in_a_file_names_the_key(text: str, message: str, tmp_path: Path):
    file = tmp_path / "options.toml"
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_options(file)
    assert str(caught.value).startswith(str(file))
    assert message in str(caught.value)


def test_a_file_may_spell_out_that_something_unsupported_is_off(tmp_path: Path):
    file = tmp_path / "options.toml"
    file.write_text("[runtime]\nenable_shell = false\n")
    assert load_options(file)[1].agent.enable_shell is False


def test_a_missing_file_is_named(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"none\.toml: cannot read the configuration file: No such file"):
        load_options(tmp_path / "none.toml")


def test_the_older_json_layout_starts_one_model(tmp_path: Path):
    file = tmp_path / "models.json"
    gguf = {"quantized_model_id": "repo", "quantized_filename": "a.gguf", "tok_model_id": "base"}
    file.write_text(json.dumps({"small": {"alias": "tiny", "GGUF": gguf}}))
    _, options = load_options(file)
    assert (options.model.model_id, options.model.alias) == ("repo", "tiny")
    assert (options.format.format, options.format.quantized_file, options.format.tok_model_id) == (
        "gguf",
        "a.gguf",
        "base",
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"a": {"Plain": {}}, "b": {"Plain": {}}}, "several models in one server are not supported yet"),
        ({"a": {"VisionPlain": {"model_id": "x"}}}, "models of the kind 'VisionPlain' are not supported yet"),
        ({"a": {"Plain": {"modelid": "x"}}}, "unknown key a.modelid; did you mean model_id?"),
        ({"a": {"from_uqff": "x", "Plain": {"model_id": "x"}}}, "from_uqff is not supported yet"),
        ({"a": {}}, "a should name one model"),
        ([], "one object"),
    ],
)
def test_a_mistake_in_the_older_json_layout_is_named(content: object, message: str, tmp_path: Path):
    file = tmp_path / "models.json"
    file.write_text(json.dumps(content))
    with pytest.raises(ConfigError) as caught:
        load_options(file)
    assert message in str(caught.value)
