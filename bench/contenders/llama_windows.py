"""llama.cpp's negative log-likelihoods for `perplexity.py`: `llama_windows.py MODEL WINDOWS THREADS`.

WINDOWS is a JSON file with lists of token ids; prints a JSON line for each: the nats of every token that is scored.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import llama_cpp as api
import numpy as np
from llama import Context


def main() -> None:
    path, windows_file, threads = sys.argv[1:]
    windows = json.loads(Path(windows_file).read_text(encoding="ascii"))
    api.llama_backend_init()
    model = api.llama_model_load_from_file(path.encode(), api.llama_model_default_params())
    context = Context(model, 1, len(windows[0]), int(threads))
    for ids in windows:
        first = len(ids) // 2
        context.keep_prefix([])
        context.decode([(token, position, 0, first <= position < len(ids) - 1) for position, token in enumerate(ids)])
        rows = [
            np.ctypeslib.as_array(api.llama_get_logits_ith(context.handle, position), (context.vocabulary,))
            for position in range(first, len(ids) - 1)
        ]
        logits = np.stack(rows).astype(np.float64)
        largest = logits.max(1)
        sums = largest + np.log(np.exp(logits - largest[:, None]).sum(1))
        print(json.dumps((sums - logits[np.arange(len(rows)), ids[first + 1 :]]).tolist()), flush=True)


if __name__ == "__main__":
    main()
