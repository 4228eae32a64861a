"""Code that harms the interpreter it runs in, so that the next call would suffer.

Each is the code of one call. None may take the server down, or leave a session that cannot be used.
"""

from __future__ import annotations

FIND_NONCE = (
    "import gc, json, os, socket, struct, sys, types\nframe = sys._getframe()\n"
    "while 'nonce' not in frame.f_locals: frame = frame.f_back\n"
    "nonce, control = frame.f_locals['nonce'], socket.socket(fileno=os.dup(frame.f_locals['control']))\n"
    "def say(body, nonce=nonce): control.sendall(struct.pack('>I16s', len(body), nonce) + body)\n"
)
"""Steals what only our own side should know."""
LIBRARIES = (
    *("json", "os", "sys", "socket", "struct", "signal", "traceback", "linecache", "ast", "base64", "subprocess"),
    *("tempfile", "asyncio", "numpy", "pandas", "PIL", "matplotlib", "site", "sitecustomize", "usercustomize"),
    *("encodings", "codecs", "io", "time", "threading", "types", "warnings", "tracemalloc", "contextlib", "sandbox"),
)

SABOTAGE = {
    "an audit hook that refuses everything": (
        "import sys\ndef hook(*a): raise RuntimeError('no')\nsys.addaudithook(hook)"
    ),
    "an audit hook that ends the process at the next call": (
        "import os, sys\ndef hook(name, args):\n  if name == 'compile': os._exit(9)\nsys.addaudithook(hook)"
    ),
    "a trace function left behind": "import sys\ndef trace(*a): raise RuntimeError('no')\nsys.settrace(trace)",
    "a profile function left behind": "import sys\ndef profile(*a): raise RuntimeError('no')\nsys.setprofile(profile)",
    "a recursion limit of almost nothing": "import sys\nsys.setrecursionlimit(30)",
    "a switch interval of an hour": (
        "import sys, threading\nsys.setswitchinterval(3600)\n"
        "threading.Thread(target=lambda: [None for _ in iter(int, 1)], daemon=True).start()"
    ),
    "json replaced": "import json\njson.dumps = json.loads = json.JSONEncoder = lambda *a, **k: 1 / 0",
    "os replaced": (
        "import os\nfor name in ('getpid', 'getcwd', 'dup2', '_exit', 'write'): setattr(os, name, lambda *a: 1)"
    ),
    "signal replaced": "import signal\nsignal.signal = signal.pthread_sigmask = lambda *a: 1 / 0",
    "time replaced": "import time\ntime.perf_counter = time.time = time.monotonic = lambda: float('nan')",
    "modules emptied": "import sys\nfor name in list(sys.modules):\n  if name != '__main__': sys.modules[name] = None",
    "modules forgotten": "import sys\nsys.modules.clear()",
    "standard output that is no stream": "import sys\nsys.stdout = sys.__stdout__ = sys.stderr = 5",
    "standard output closed": "import os\nos.close(1); os.close(2); os.close(0)",
    "the first twenty descriptors closed": "import os\nos.closerange(0, 20)",
    "the control descriptor replaced": (
        "import os\nfor fd in range(3, 1024):\n  try: os.dup2(1, fd)\n  except OSError: pass"
    ),
    "no descriptor left": "import os\nheld = []\nwhile True: held.append(os.dup(0))",
    "no thread left": (
        "import threading\ngo = threading.Event()\n"
        "for _ in range(200): threading.Thread(target=go.wait, daemon=True).start()"
    ),
    "a handler that never returns": (
        "import atexit, signal, sys, threading\natexit.register(lambda: [None for _ in iter(int, 1)])\n"
        "sys.excepthook = threading.excepthook = sys.unraisablehook = lambda *a: 1 / 0\n"
        "signal.signal(signal.SIGCHLD, lambda *a: 1 / 0)"
    ),
    "an alarm that goes off later": (
        "import signal\nsignal.signal(signal.SIGALRM, lambda *a: 1 / 0)\n"
        "signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)"
    ),
    "an alarm that ends the process": "import signal\nsignal.setitimer(signal.ITIMER_REAL, 0.001)",
    "exit in a thread": "import sys, threading\nt = threading.Thread(target=sys.exit, args=(5,))\nt.start(); t.join()",
    "dumps of all threads": (
        "import faulthandler, time\nfaulthandler.dump_traceback_later(0.001, repeat=True)\ntime.sleep(0.01)"
    ),
    "garbage that fights": (
        "class G:\n  def __del__(self): raise RuntimeError('no')\ng = [G() for _ in range(99)]\ndel g"
    ),
    "a value that cannot be shown": "class V:\n  def __repr__(self): raise SystemExit(3)\nV()",
    "a value whose text never ends": "class V:\n  def __repr__(self):\n    while True: pass\nV()",
    "a value whose text is huge": "class V:\n  def __repr__(self): return 'x' * 10**8\nV()",
    "a value whose text is no text": "class V:\n  def __repr__(self): return 5\nV()",
    "a value that lies about its class": (
        "import sys, types\nfor name in ('PIL.Image', 'pandas'): __import__(name)\n"
        "class V:\n  @property\n  def __class__(self): raise RuntimeError('no')\nV()"
    ),
    "a type without a name": (
        "class M(type):\n  @property\n  def __name__(self): return object()\nclass V(metaclass=M): pass\nV()"
    ),
    "an exception without a text": "class E(Exception):\n  def __str__(self): raise RuntimeError('no')\nraise E",
    "an exception whose text never ends": "class E(Exception):\n  def __str__(self):\n    while True: pass\nraise E",
    "an exception without a class": (
        "class M(type):\n  @property\n  def __name__(self): 1 / 0\nclass E(Exception, metaclass=M):\n"
        "  def __str__(self): 1 / 0\nraise E"
    ),
    "exceptions in a circle": "a, b = ValueError(1), ValueError(2)\na.__cause__, b.__cause__ = b, a\nraise a",
    "a long chain of exceptions": (
        "e = None\nfor n in range(5000):\n  new = ValueError(n); new.__context__ = e; e = new\nraise e"
    ),
    "recursion without end": "def f(): f()\nf()",
    "deep data": "d = []\nfor _ in range(10**5): d = [d]\nd",
    "deep code": "eval('(' * 10**5)",
    "deep syntax": "import ast\nexec('x = ' + '-' * 10**5 + '1')",
    "memory that is not there": "x = bytearray(1 << 40)",
    "an own pandas": "import sys, types\nsys.modules['pandas'] = sys.modules['PIL.Image'] = types.ModuleType('x')\n5",
    "an own pyplot": "import sys, types\nsys.modules['matplotlib.pyplot'] = types.ModuleType('x')\n5",
    "a figure of ten thousand million pixels": (
        "import matplotlib.pyplot as plt\nfig = plt.figure(figsize=(1000, 1000), dpi=100)"
    ),
    "a picture that cannot be saved": (
        "from PIL import Image\nclass P(Image.Image):\n  def save(self, *a, **k): raise SystemExit\nP()"
    ),
    "a table too large to tell": (
        "import pandas as pd\npd.DataFrame({n: ['\\U0001f600' * 200] * 100 for n in range(50)})"
    ),
    "surrogates everywhere": "print('\\udcff')\nraise ValueError('\\ud800')",
    "a working directory that cannot be entered": "import os\nos.chmod('.', 0)",
    "a working directory full of traps": (
        f"import os\nfor name in {LIBRARIES!r}:\n  open(name + '.py', 'w').write('raise SystemExit(1)')\n"
        "for name in ('.bashrc', '.profile', '.shrc', '.env', '.pythonrc.py'): open(name, 'w').write('exit 3')\n"
        "open('echo', 'w').write('#!/bin/sh\\nexit 3'); os.chmod('echo', 0o755)\n"
        "os.environ.update(PATH='.', LD_PRELOAD='./x.so', ENV='.shrc', PYTHONSTARTUP='.pythonrc.py')\n"
        "os._exit(1)"
    ),
    "a stopped interpreter": "import os\nos.kill(os.getpid(), 19)",
    "output without end on both pipes": (
        "import os, threading\nfor fd in (1, 2):\n  threading.Thread(target=lambda fd=fd: [os.write(fd, b'x' * 65536) "
        "for _ in iter(int, 1)], daemon=True).start()"
    ),
    "a copy that answers instead": "import os\nif os.fork():\n  while True: os.wait()\n",
    "a stolen nonce": FIND_NONCE + 'say(b\'{"status": "ok", "value": "forged"}\')',
    "two answers": FIND_NONCE + "for _ in range(2): say(b'{}')",
    "an answer that never ends": FIND_NONCE + "control.sendall(struct.pack('>I16s', 1000, nonce))\nwhile True: pass",
    "an answer that is too long": FIND_NONCE + "control.sendall(struct.pack('>I16s', 2**31, nonce))",
    "an answer that is deep": FIND_NONCE + "say(b'[' * 10**6)",
    "an answer that is a number": FIND_NONCE + "say(b'1' * 10**5)",
    "an answer that is no text": FIND_NONCE + "say(b'\\xff\\xfe')",
    "an answer of the wrong types": FIND_NONCE
    + (
        "say(json.dumps({'status': [], 'value': 5, 'exception': {}, 'value_type': [], 'exit_code': 10**400, "
        "'cwd': 'a\\ud800\\x00', 'images': {'png': [None, 'AAAA', 'iVBORw0KGgo='], 'left_out': -10**9}, "
        "'table': {'columns': [None, 5], 'rows': [[1], 2, ['\\ud800', {}]], 'total_rows': -1, 'total_columns': True}})"
        ".encode())"
    ),
    "pictures too large to open": FIND_NONCE
    + (
        "import base64\nhead = b'\\x89PNG\\r\\n\\x1a\\n\\0\\0\\0\\rIHDR' + struct.pack('>II', 10**5, 10**5)\n"
        "say(json.dumps({'status': 'ok', 'images': {'png': [base64.b64encode(head).decode()] * 99, 'left_out': 0}})"
        ".encode())"
    ),
}
