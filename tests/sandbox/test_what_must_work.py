"""Ordinary code runs as it would outside."""

from __future__ import annotations

import pytest

from sandbox import Session
from tests.sandbox import batches
from tests.sandbox.batches import PLACES, Place

WORKS = {
    "arithmetic": ("1 + 1", "2"),
    "numpy": ("import numpy as np\nint(np.arange(1000).reshape(10, 100).dot(np.ones(100)).sum())", "499500"),
    "numpy linear algebra": ("import numpy as np\nround(float(np.linalg.det(np.eye(50) * 2)) ** (1/50), 6)", "2.0"),
    "unicode": ("'naïve 日本 🙂'", "'naïve 日本 🙂'"),
    "lone surrogates": ("'\\ud800'", "'\\ud800'"),
    "threads": (
        "from concurrent.futures import ThreadPoolExecutor\n"
        "with ThreadPoolExecutor(8) as pool: total = sum(pool.map(abs, range(100)))\ntotal",
        "4950",
    ),
    "asyncio": ("import asyncio\nasync def f():\n  await asyncio.sleep(0)\n  return 7\nasyncio.run(f())", "7"),
    "sqlite": (
        "import sqlite3\nwith sqlite3.connect('a.db') as c:\n  c.execute('create table t(x)')\n"
        "  c.execute('insert into t values (3)')\nc.execute('select x from t').fetchall()",
        "[(3,)]",
    ),
    "temporary files": (
        "import tempfile\nwith tempfile.TemporaryFile() as f:\n  f.write(b'abc'); f.seek(0); got = f.read()\ngot",
        "b'abc'",
    ),
    "subprocess": (
        "import subprocess\nsubprocess.run(['echo', 'hi'], capture_output=True, text=True).stdout",
        "'hi\\n'",
    ),
    "shell pipeline": ("import os\nos.popen('seq 10 | wc -l').read().strip()", "'10'"),
    "python in python": (
        "import subprocess, sys\nsubprocess.run([sys.executable, '-c', 'import numpy; print(6)'], "
        "capture_output=True, text=True).stdout",
        "'6\\n'",
    ),
    "multiprocessing pool of a function made here": (
        "import multiprocessing\ndef square(x): return x * x\n"
        "with multiprocessing.Pool(2) as pool: got = pool.map(square, range(5))\ngot",
        "[0, 1, 4, 9, 16]",
    ),
    "multiprocessing queue and lock": (
        "import multiprocessing as m\nq, lock = m.Queue(), m.Lock()\n"
        "def work():\n  with lock: q.put(5)\n"
        "p = m.Process(target=work); p.start(); got = q.get(timeout=20); p.join()\ngot",
        "5",
    ),
    "shared memory": (
        "from multiprocessing import shared_memory\ns = shared_memory.SharedMemory(create=True, size=10)\n"
        "s.buf[0] = 9\ngot = s.buf[0]\ns.close(); s.unlink()\ngot",
        "9",
    ),
    "unix sockets": ("import socket\na, b = socket.socketpair()\na.send(b'x')\nb.recv(1)", "b'x'"),
    "pickle of a class made here": (
        "import pickle\nclass A: x = 1\ntype(pickle.loads(pickle.dumps(A()))).__name__",
        "'A'",
    ),
    "dataclasses": ("import dataclasses\n@dataclasses.dataclass\nclass P:\n  x: int\nP(1)", "P(x=1)"),
    "own modules": (
        "open('helper_module.py', 'w').write('value = 11')\nimport helper_module\nhelper_module.value",
        "11",
    ),
    "random and hashes": (
        "import hashlib, random, secrets\nlen(secrets.token_hex(8)) + len(hashlib.sha256().digest())",
        "48",
    ),
    "time zones": ("import zoneinfo, datetime\nzoneinfo.ZoneInfo('UTC').key", "'UTC'"),
    "ctypes": ("import ctypes\nctypes.CDLL(None).abs(-4)", "4"),
    "signals of one's own": (
        "import signal, os\nhits = []\nsignal.signal(signal.SIGUSR1, lambda *a: hits.append(1))\n"
        "os.kill(os.getpid(), signal.SIGUSR1)\nhits",
        "[1]",
    ),
    "user name and host name": ("import getpass, socket\nsocket.gethostname(), getpass.getuser()", None),
    "dev null and random devices": (
        "open('/dev/null', 'w').write('x'), len(open('/dev/urandom', 'rb').read(4))",
        "(1, 4)",
    ),
    "ssl": ("import ssl\nssl.create_default_context() is not None", "True"),
    "compression": ("import zlib, lzma, bz2\nlen(lzma.decompress(lzma.compress(b'x' * 1000)))", "1000"),
    "deep recursion is an error, not a crash": (
        "def f(): return f()\ntry: f()\nexcept RecursionError: r = 'caught'\nr",
        "'caught'",
    ),
    "cpu count": ("import os\nos.cpu_count() >= 1", "True"),
    "matplotlib into a file": (
        "import matplotlib.pyplot as plt, os\nfig, ax = plt.subplots()\nax.plot([1, 3, 2])\nax.set_title('t')\n"
        "fig.savefig('figure.png')\nplt.close()\nos.path.getsize('figure.png') > 1000",
        "True",
    ),
    "pandas": (
        "import io, pandas as pd\nframe = pd.read_csv(io.StringIO('a,b\\n1,2\\n3,4'))\n"
        "int(frame.groupby('a').b.sum().max())",
        "4",
    ),
    "numpy random numbers": ("import numpy as np\nnp.random.default_rng(7).integers(10, size=3).shape", "(3,)"),
    "pictures": (
        "from PIL import Image\nImage.new('RGB', (20, 10)).save('p.jpg')\nImage.open('p.jpg').size",
        "(20, 10)",
    ),
    "csv and json": (
        "import csv, json\nwith open('t.csv', 'w', newline='') as f: csv.writer(f).writerows([[1, 2], [3, 4]])\n"
        "json.dumps(list(csv.reader(open('t.csv'))))",
        '\'[["1", "2"], ["3", "4"]]\'',
    ),
    "archives": (
        "import zipfile, tarfile\nopen('in.txt', 'w').write('x' * 99)\n"
        "with zipfile.ZipFile('a.zip', 'w') as z: z.write('in.txt')\n"
        "with tarfile.open('a.tgz', 'w:gz') as t: t.add('in.txt')\n"
        "zipfile.ZipFile('a.zip').namelist() + tarfile.open('a.tgz').getnames()",
        "['in.txt', 'in.txt']",
    ),
    "processes in a pool of futures": (
        "from concurrent.futures import ProcessPoolExecutor\ndef cube(x): return x ** 3\n"
        "with ProcessPoolExecutor(2) as pool: got = list(pool.map(cube, range(4)))\ngot",
        "[0, 1, 8, 27]",
    ),
    "multiprocessing manager": (
        "import multiprocessing\nwith multiprocessing.Manager() as m:\n  d = m.dict()\n"
        "  d['a'] = 1\n  got = dict(d)\ngot",
        "{'a': 1}",
    ),
    "multiprocessing by spawn": (
        "open('spawned.py', 'w').write('def double(x): return 2 * x')\nimport multiprocessing, spawned\n"
        "with multiprocessing.get_context('spawn').Pool(1) as pool: got = pool.map(spawned.double, [4])\ngot",
        "[8]",
    ),
    "asyncio subprocess": (
        "import asyncio\nasync def f():\n  p = await asyncio.create_subprocess_exec('echo', 'a', stdout=-1)\n"
        "  return (await p.communicate())[0]\nasyncio.run(f())",
        "b'a\\n'",
    ),
    "alarm": (
        "import signal, time\nrung = []\nsignal.signal(signal.SIGALRM, lambda *a: rung.append(1))\n"
        "signal.setitimer(signal.ITIMER_REAL, 0.01)\nwhile not rung: time.sleep(0.01)\nrung",
        "[1]",
    ),
    "file locks": (
        "import fcntl\nf = open('lock', 'w')\nfcntl.flock(f, fcntl.LOCK_EX)\nfcntl.lockf(f, fcntl.LOCK_EX)",
        None,
    ),
    "mapped files": (
        "import mmap\nopen('m', 'wb').write(b'0' * 5000)\nf = open('m', 'r+b')\n"
        "m = mmap.mmap(f.fileno(), 0)\nm[0:1] = b'1'\n"
        "m.flush()\nopen('m', 'rb').read(2)",
        "b'10'",
    ),
    "directories": (
        "import os, pathlib, shutil\nos.makedirs('d/e')\npathlib.Path('d/e/ä b.txt').write_text('1')\n"
        "shutil.copytree('d', 'd2')\ngot = [p.name for p in pathlib.Path('d2').rglob('*.txt')]\n"
        "shutil.rmtree('d')\nshutil.rmtree('d2')\ngot",
        "['ä b.txt']",
    ),
    "links of one's own": ("import os\nos.symlink('x', 'own')\ngot = os.readlink('own')\nos.unlink('own')\ngot", "'x'"),
    "a change of directory": (
        "import os\nos.mkdir('sub')\nos.chdir('sub')\nos.chdir('..')\nos.path.isdir('sub')",
        "True",
    ),
    "environment of one's own": (
        "import os, subprocess\nos.environ['MINE'] = 'm'\nsubprocess.check_output('echo $MINE', shell=True)",
        "b'm\\n'",
    ),
    "a file of 100 MB": (
        "import os\nwith open('big', 'wb') as f:\n  for _ in range(100): f.write(bytes(2**20))\n"
        "size = os.path.getsize('big')\n"
        "os.unlink('big')\nsize",
        str(100 * 2**20),
    ),
    "decimals, fractions, dates": (
        "import datetime, decimal, fractions\n(decimal.Decimal('0.1') + 0, fractions.Fraction(1, 3), "
        "datetime.date(2024, 2, 29).isoformat())",
        "(Decimal('0.1'), Fraction(1, 3), '2024-02-29')",
    ),
    "one's own processes in /proc": ("import os\nos.path.exists(f'/proc/{os.getpid()}/status')", "True"),
    "a group of one's own": (
        "import os, signal, subprocess, time\np = subprocess.Popen(['sleep', '100'], start_new_session=True)\n"
        "os.killpg(p.pid, signal.SIGTERM)\np.wait()",
        "-15",
    ),
    "a module as program": (
        "import subprocess, sys\nsubprocess.check_output([sys.executable, '-m', 'json.tool'], input=b'[1]').split()",
        "[b'[', b'1', b']']",
    ),
    "home is writable": ("import pathlib\n(pathlib.Path.home() / 'x').write_text('1')", "1"),
}
ON_LOOPBACK = {
    "a server and its client": (
        "import socket\ns = socket.create_server(('127.0.0.1', 0))\n"
        "c = socket.create_connection(s.getsockname())\nc.sendall(b'hey')\ns.accept()[0].recv(3)",
        "b'hey'",
    ),
    "a web server in a thread": (
        "import http.server, threading, urllib.request\n"
        "class Handler(http.server.BaseHTTPRequestHandler):\n"
        "  def do_GET(self):\n    self.send_response(200); self.end_headers(); self.wfile.write(b'page')\n"
        "  def log_message(self, *a): pass\n"
        "server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)\n"
        "threading.Thread(target=server.serve_forever, daemon=True).start()\n"
        "got = urllib.request.urlopen(f'http://localhost:{server.server_port}/').read()\nserver.shutdown()\ngot",
        "b'page'",
    ),
    "an asyncio server": (
        "import asyncio\nasync def f():\n  async def answer(r, w): w.write(await r.readline()); w.close()\n"
        "  server = await asyncio.start_server(answer, '127.0.0.1', 0)\n"
        "  r, w = await asyncio.open_connection(*server.sockets[0].getsockname())\n  w.write(b'x\\n')\n"
        "  return await r.readline()\nasyncio.run(f())",
        "b'x\\n'",
    ),
    "datagrams": (
        "import socket\na, b = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))\n"
        "a.bind(('127.0.0.1', 0))\nb.sendto(b'd', a.getsockname())\na.recv(1)",
        "b'd'",
    ),
}
NEEDS = {"numpy": "numpy", "matplotlib into a file": "matplotlib", "pandas": "pandas", "pictures": "PIL"}


@pytest.mark.parametrize("place", PLACES, ids=str)
@pytest.mark.parametrize("name", [*WORKS, *ON_LOOPBACK])
def test_ordinary_code_gives_its_value(name: str, place: Place) -> None:
    everything = WORKS if place.network == "none" else {**WORKS, **ON_LOOPBACK}
    if name not in everything:
        pytest.skip("there is no loopback in this mode")
    pytest.importorskip(NEEDS.get(name, "sys"))
    told = batches.run(place, tuple((name, code) for name, (code, _) in everything.items()))
    batches.skip_without_layers(told, place)
    _, expected = everything[name]
    assert (told[name]["status"], told[name]["exception"]) == ("ok", None), told[name]
    if expected is not None:
        assert told[name]["value"] == expected


async def test_variables_and_imports_live_from_call_to_call(session: Session) -> None:
    await session.run("import math\nx = 20")
    await session.run("def double(n): return 2 * n")
    result = await session.run("double(x) + math.floor(2.5)")
    assert (result.value, result.value_type) == ("42", "int")
    assert (await session.run("_ + 1")).value == "43"


async def test_files_live_from_call_to_call_and_lie_in_the_working_directory(session: Session) -> None:
    await session.run("open('note.txt', 'w').write('kept')")
    assert (await session.run("open('note.txt').read()")).value == "'kept'"
    assert (session.working_directory / "note.txt").read_text() == "kept"


async def test_output_of_python_of_children_and_of_c_code_comes_in_order(session: Session) -> None:
    code = (
        "import os, sys\nprint('one', flush=True)\nos.system('echo two')\nos.write(1, b'three\\n')\n"
        "print('err', file=sys.stderr)"
    )
    result = await session.run(code)
    assert result.stdout == "one\ntwo\nthree\n"
    assert result.stderr == "err\n"


async def test_bytes_that_are_no_text_do_not_break_anything(session: Session) -> None:
    result = await session.run("import os\nos.write(1, bytes(range(256)))\nprint('\\ud800')")
    assert result.status == "ok"
    assert "\\ud800" in result.stdout


async def test_output_arrives_while_the_code_still_runs(session: Session) -> None:
    seen: list[tuple[str, str]] = []
    running: list[bool] = []

    def on_output(stream: str, text: str) -> None:
        seen.append((stream, text))
        (session.working_directory / "go").touch()
        running.append(True)

    code = "import os, time\nprint('waiting')\nwhile not os.path.exists('go'): time.sleep(0.01)\nprint('went')"
    result = await session.run(code, on_output=on_output)
    assert result.status == "ok"
    assert seen[0] == ("stdout", "waiting\n")
    assert "".join(text for _, text in seen) == result.stdout


async def test_an_error_is_told_with_the_lines_of_the_code_and_no_others(session: Session) -> None:
    result = await session.run("def f():\n    return 1 / 0\nf()")
    assert result.status == "error"
    assert result.exception is not None
    assert result.exception.startswith('Traceback (most recent call last):\n  File "<cell 1>", line 3, in <module>\n')
    assert "return 1 / 0" in result.exception
    assert result.exception.endswith("ZeroDivisionError: division by zero")
    assert "sandbox" not in result.exception


async def test_a_syntax_error_points_at_the_place(session: Session) -> None:
    result = await session.run("x = (1,\ny = 2")
    assert result.exception is not None
    assert "SyntaxError" in result.exception
    assert "Traceback" not in result.exception


@pytest.mark.parametrize(
    "code",
    ["import sys; sys.exit(3)", "raise BaseException('odd')", "raise KeyboardInterrupt", "raise GeneratorExit"],
)
async def test_exceptions_that_end_programs_do_not_end_the_session(code: str, session: Session) -> None:
    await session.run("x = 1")
    assert (await session.run(code)).status == "error"
    assert (await session.run("x")).value == "1"


async def test_input_says_that_nobody_is_there(session: Session) -> None:
    result = await session.run("input('name? ')")
    assert "input() is not available" in (result.exception or "")


async def test_figures_shown_or_left_open_come_back_as_png(session: Session) -> None:
    pytest.importorskip("matplotlib")
    code = (
        "import matplotlib.pyplot as plt\nplt.plot([1, 2, 3])\nplt.show()\nplt.close()\n"
        "fig, ax = plt.subplots()\nax.bar([1, 2], [3, 4]);"
    )
    result = await session.run(code, timeout_s=60)
    assert result.status == "ok", result.exception
    assert len(result.images) == 2
    assert all(image.startswith(b"\x89PNG") for image in result.images)
    assert (await session.run("1")).images == ()


async def test_an_image_as_last_expression_comes_back_as_png(session: Session) -> None:
    pytest.importorskip("PIL")
    result = await session.run("from PIL import Image\nImage.new('RGB', (8, 8), 'red')", timeout_s=60)
    assert [image[:4] for image in result.images] == [b"\x89PNG"]


async def test_pandas_frames_come_back_as_text(session: Session) -> None:
    pytest.importorskip("pandas")
    result = await session.run("import pandas as pd\npd.DataFrame({'a': [1, 2]})", timeout_s=60)
    assert result.value is not None
    assert result.value_type == "DataFrame"
    assert "a" in result.value


async def test_calls_of_one_session_wait_for_each_other(session: Session) -> None:
    import asyncio

    await session.run("log = []")
    calls = [session.run(f"log.append({n}); log.append({n})") for n in range(5)]
    await asyncio.gather(*calls)
    log = await session.run("all(log[i] == log[i + 1] for i in range(0, 10, 2)) and len(log)")
    assert log.value == "10"
