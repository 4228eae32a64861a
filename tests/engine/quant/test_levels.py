"""What levels stand for, and which format each weight gets."""

from __future__ import annotations

import pytest

from engine.errors import UnsupportedModel
from engine.loading.source import resolve
from engine.options import ModelOptions
from engine.quant.levels import LEVELS, format_for, format_of, labels_of


@pytest.mark.parametrize(
    ("level", "format"),
    [("8", "Q8_0"), ("6", "Q6_K"), ("5", "Q5_K"), ("4", "Q4_K"), ("3", "Q3_K"), ("2", "Q2_K")]
    + [(name, name.upper()) for name in ("q8_0", "q4_0", "q4_1", "q5_0", "q5_1", "fp8")]
    + [(f"q{bits}k", f"Q{bits}_K") for bits in (2, 3, 4, 5, 6)],
)
def test_every_level_has_its_format(level: str, format: str):
    assert format_of(level, "--isq") == format
    assert format_of(level.upper(), "--isq") == format


def test_the_usual_way_to_write_a_k_format_is_understood():
    assert format_of("Q4_K", "--isq") == "Q4_K"


@pytest.mark.parametrize("options", [{"isq": "q7"}, {"quant": "q7"}, {"isq": ""}])
def test_an_unknown_level_is_refused_with_the_choices_before_a_model_is_looked_for(options: dict[str, str]):
    with pytest.raises(UnsupportedModel, match=r"no quantisation level; choose one of 2, 3, .*q4k.*fp8"):
        resolve(ModelOptions(model_id="nobody/nothing", **options), lambda _: None)


@pytest.mark.parametrize("level", ["afq4", "HQQ8", "mxfp4", "q8k"])
def test_a_level_of_the_reference_we_lack_is_called_so(level: str):
    with pytest.raises(UnsupportedModel, match=f"--isq: '{level}' is not supported yet; choose one of"):
        resolve(ModelOptions(model_id="nobody/nothing", isq=level), lambda _: None)


def test_isq_and_quant_exclude_each_other():
    with pytest.raises(UnsupportedModel, match=r"--isq \(4\) or --quant \(8\), not both"):
        resolve(ModelOptions(isq="4", quant="8"), lambda _: None)


@pytest.mark.parametrize("name", ["model.embed_tokens.weight", "lm_head.weight"])
@pytest.mark.parametrize("format", sorted(set(LEVELS.values())))
def test_embedding_and_head_get_more_bits(name: str, format: str):
    many = ("Q5_0", "Q5_1", "Q5_K", "Q6_K", "Q8_0")
    assert format_for(name, 512, format) == ("FP8" if format == "FP8" else "Q8_0" if format in many else "Q6_K")
    assert format_for("model.layers.0.mlp.up_proj.weight", 512, format) == format


@pytest.mark.parametrize(
    ("format", "narrow"),
    [("Q2_K", "Q4_0"), ("Q3_K", "Q4_0"), ("Q4_K", "Q5_0"), ("Q5_K", "Q5_1"), ("Q6_K", "Q8_0"), ("Q4_1", "Q4_1")],
)
def test_rows_that_are_no_multiple_of_256_get_blocks_of_32(format: str, narrow: str):
    assert format_for("model.layers.0.mlp.up_proj.weight", 576, format) == narrow


def test_the_promoted_embedding_of_such_a_model_gets_blocks_of_32_too():
    assert format_for("model.embed_tokens.weight", 576, "Q4_K") == "Q8_0"


def test_rows_that_are_no_multiple_of_32_and_routers_stay():
    assert format_for("model.layers.0.mlp.up_proj.weight", 48, "Q4_0") is None
    assert format_for("model.layers.0.mlp.gate.weight", 512, "Q4_0") is None
    assert format_for("model.layers.0.mlp.gate_proj.weight", 512, "Q4_0") == "Q4_0"


def test_a_number_stands_for_several_ready_made_files_and_a_name_for_one():
    assert labels_of("4")[:2] == ("Q4_K_M", "Q4_K_S")
    assert "Q4_0" in labels_of("4")
    assert "Q4_0" not in labels_of("q4k")
    assert labels_of("q4_0") == ("Q4_0", "UD-Q4_0")
