"""Ours beside the peers: the rows of `rows.py`, measured interleaved in one run on this machine.

    python bench/models.py MODELS
    python bench/compare.py MODELS --peer-python PEERS/bin/python
    python bench/compare.py MODELS --rows decode,prefill-512 --models Q-Q4_0,Q-Q8_0
    python bench/compare.py --table bench/results/*.jsonl

Every contender is a process that has loaded its model and waits, stopped, for its turn; in each round each of them does
the work once, in an order that turns around, and in decode rows the machine's memory is measured beside them. The first
round is not counted, unless one takes longer than `--patience`: then it is all there is of it. The peers
(`mistralrs`, `llama-cpp-python`) live in an environment of their own. Every single figure is appended to a file of JSON
lines; a Markdown table of medians goes to standard output.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, nullcontext
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import model_file
from load import through_http
from processes import HERE, Contender, Failed, Neighbour, Process, Server, TooSlow
from rows import ROWS, Row, Way
from tables import table

RESULTS = HERE / "results"
TOO_LONG_S = 90.0
"""A contender that has not answered by then is ended."""


class Bench:
    """The processes for one model, started when first needed, and the rows run with them."""

    def __init__(self, model: model_file.ModelFile, given: argparse.Namespace, write: Callable[..., None]) -> None:
        self.model, self.given, self.write = model, given, write
        self.stack = ExitStack()
        self.processes: dict[str, Process | Failed] = {}

    def close(self) -> None:
        self.stack.close()

    def run(self, key: str, row: Row) -> None:
        contenders = [name for name in row.contenders if name != "transformers" or "BF16" in self.model.name]
        contenders += ["memory"] if row.figure == "decode" and len(row.ways) == 1 else []
        if self.given.contenders:
            contenders = [name for name in contenders if name in {*self.given.contenders.split(","), "memory"}]
        out: set[str] = set()
        first_seed = 10_000 * list(ROWS).index(key)  # no row's prompts are in a cache already
        repetitions = self.given.repetitions or row.repetitions
        for number in range(0 if repetitions > 1 else 1, repetitions + 1):
            order = contenders if number % 2 else contenders[::-1]
            for name in [name for name in order if name not in out]:
                start = time.perf_counter()
                try:
                    for index, (way_name, way) in enumerate(row.ways.items()):
                        seed = 0 if way.keep else number + 1 + (0 if way.again else 1000 * index)
                        figures = self._measure(name, way, first_seed + seed)
                        self.write(key, self.model, name, way_name, number, self._values(row, way, figures))
                except Failed as error:
                    self.write(key, self.model, name, "", number, {"error": str(error)})
                    out.add(name)
                if time.perf_counter() - start > self.given.patience:
                    out.add(name)

    def _measure(self, name: str, way: Way, seed: int) -> dict[str, Any]:
        if way.by == "new process":
            return self._start(name, way, seed)
        if way.by == "server":
            return self._serve(way, seed)
        contender = self._process(
            name, lambda: Contender(name, self.model.path, self.given.peer_python, self.given.threads)
        )
        assert isinstance(contender, Contender)
        with self._process("neighbour", Neighbour).running() if way.neighbour else nullcontext():
            try:
                return contender.ask(way.requests, seed, TOO_LONG_S)
            except TooSlow:
                contender.close()
                del self.processes[name]
                raise

    def _start(self, name: str, way: Way, seed: int) -> dict[str, Any]:
        """A new process until its first token; ours is what a person starts in a terminal."""
        if name != "ours":
            contender = Contender(name, self.model.path, self.given.peer_python, self.given.threads)
            try:
                contender.ask(way.requests, seed, TOO_LONG_S)
                return {"start_s": time.perf_counter() - contender.started}
            finally:
                contender.close()
        program = str(Path(sys.executable).parent / "mistralrs")
        options = ["--threads", str(self.given.threads), "-i", "Tell me about the sea."]
        process = Process([program, "run", "-m", str(self.model.path), *options])
        try:
            assert process.child.stdin is not None and process.child.stdout is not None
            process.child.stdin.close()
            if not os.read(process.child.stdout.fileno(), 1):
                raise Failed(f"it ended: {process.stderr()[-200:]}")
            return {"start_s": time.perf_counter() - process.started}
        finally:
            process.close()

    def _serve(self, way: Way, seed: int) -> dict[str, Any]:
        room = sum(-(-(prompt + generated) // 64) * 64 for prompt, generated in way.requests)
        server = self._process(
            f"server {room}", lambda: Server(self.model.path, self.given.threads, "--pa-context-len", str(room))
        )
        assert isinstance(server, Server)
        with server.running():
            figures = through_http(server.port, way.requests, seed, stream=True)
            peak = server.peak_mib()
        return {**figures, "peak_mib": sum(peak.values()), "peak_mib_of_each": list(peak.values())}

    def _values(self, row: Row, way: Way, figures: dict[str, Any]) -> dict[str, Any]:
        """The figures, and of them the row's `value`."""
        if "bytes_per_s" in figures:
            return figures
        generated = sum(count for _, count in way.requests)
        match row.figure:
            case "decode":
                value = figures["decoded"] / figures["decode_s"]
                steps_per_s = value / len(way.requests)
                figures["read_bytes_per_s"] = steps_per_s * self.model.step_bytes(way.requests)
            case "prefill":
                value = figures["prompt_tokens"] / figures["first_s"]
            case "throughput":
                value = generated / (
                    figures["wall_s"] if "wall_s" in figures else figures["first_s"] + figures["decode_s"]
                )
            case "extra_mib":
                held = self.model.weight_bytes + self.model.kv_bytes(way.requests)
                value = figures["peak_mib"] - held / 2**20
            case "first_s" | "start_s":
                value = figures[row.figure]
        return {**figures, "value": value}

    def _process(self, name: str, start: Callable[[], Process]) -> Process:
        """The process of that name. Raises: Failed, again and again, when it could not be started."""
        if name not in self.processes:
            try:
                process = start()
            except Failed as error:
                self.processes[name] = error
            else:
                self.processes[name] = process
                self.stack.callback(process.close)
        found = self.processes[name]
        if isinstance(found, Failed):
            raise found
        return found


def machine() -> dict[str, Any]:
    """Where and of what this was measured."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    cpu = next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())
    git = ["git", "-C", str(HERE)]
    commit = subprocess.run([*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False).stdout
    changed = subprocess.run([*git, "status", "--porcelain"], capture_output=True, text=True, check=False).stdout
    return {
        "cpu": cpu,
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "python": platform.python_version(),
        "torch": version("torch"),
        "transformers": version("transformers"),
        "commit": commit.strip() + ("+" if changed else ""),
    }


def chosen_rows(given: str) -> Iterator[tuple[str, Row]]:
    """Rows by name or by the start of it. Raises: SystemExit naming one that is none."""
    for part in given.split(","):
        found = [(name, row) for name, row in ROWS.items() if name == part or name.startswith(part + "-")]
        if not found:
            raise SystemExit(f"--rows: {part!r} is none of {', '.join(ROWS)}")
        yield from found


def measure(given: argparse.Namespace) -> Path:
    """Run what was chosen; the file with the figures."""
    now = datetime.now(UTC)
    path = given.results / f"{now:%Y%m%d-%H%M%S}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = list(chosen_rows(given.rows))
    wanted = given.models.split(",") if given.models else sorted(file.stem for file in given.folder.glob("*.gguf"))
    with path.open("a", encoding="utf-8") as file:

        def write(row: str, model: model_file.ModelFile, contender: str, way: str, number: int, values: Any) -> None:
            at = round(time.time() - now.timestamp(), 1)
            record = {
                "run": path.stem,
                "at": at,
                "row": row,
                "model": model.name,
                "contender": contender,
                "way": way,
                "round": number,
            }
            print(json.dumps({**record, **values}), file=file, flush=True)
            told = values.get("value", values.get("bytes_per_s", values.get("error")))
            print(f"{at:7.1f}  {row} {model.name} {contender} {way} {number}: {told}", file=sys.stderr)

        print(json.dumps({"start": now.isoformat(), "command": sys.argv[1:], **machine()}), file=file, flush=True)
        for name in wanted:
            bench = Bench(model_file.read(given.folder / f"{name}.gguf"), given, write)
            try:
                for key, row in rows:
                    if row.takes(name):
                        bench.run(key, row)
            finally:
                bench.close()
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", help="model files, made by models.py")
    parser.add_argument("--rows", default=",".join(ROWS), help=f"some of {', '.join(ROWS)}; prefill means both")
    parser.add_argument("--models", default="", help="names such as Q-Q4_0; all that are there if not given")
    parser.add_argument("--contenders", default="", help="only these, such as ours,llama.cpp")
    parser.add_argument("--peer-python", default=sys.executable)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repetitions", type=int, default=None, help="counted rounds; each row's own if not given")
    parser.add_argument("--patience", type=float, default=20.0, help="seconds that one round of one contender may take")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--table", type=Path, nargs="+", help="measure nothing; show what is in these files")
    given = parser.parse_args()
    if given.table is None and given.folder is None:
        parser.error("name the folder with the model files")
    files = given.table or [measure(given)]
    print(table([json.loads(line) for file in files for line in file.read_text(encoding="utf-8").splitlines()]))


if __name__ == "__main__":
    main()
