"""The same state in memory, in a file and in PostgreSQL."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from engine import Message
from mistralrs_agent.errors import ConfigError
from mistralrs_agent.storage.database import open_database
from mistralrs_agent.storage.sessions import SessionStore

SERVERS = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))


@pytest.fixture(scope="module")
def postgres(tmp_path_factory):
    """The URL of a fresh server that only listens on a socket of its own."""
    pytest.importorskip("sqlalchemy", reason="needs the extra 'state'")
    pytest.importorskip("psycopg", reason="needs the extra 'state'")
    control = shutil.which("pg_ctl") or (SERVERS and str(SERVERS[-1]))
    if not control:
        pytest.skip("no PostgreSQL server is installed here")
    programs = Path(control).resolve().parent
    folder = Path("/tmp") / tmp_path_factory.mktemp("pg").name
    folder = folder.with_name(f"{folder.name}-{os.getpid()}")
    folder.mkdir()
    who = {}
    if os.geteuid() == 0:  # the server refuses to run as root
        who = {"user": "nobody", "group": "nogroup", "extra_groups": []}
        shutil.chown(folder, "nobody", "nogroup")
    run = {"timeout": 300, "stdout": subprocess.DEVNULL, "stderr": subprocess.STDOUT, "cwd": folder}
    data = str(folder / "data")
    start = [str(programs / "initdb"), "-D", data, "-U", "tester", "-A", "trust", "--no-sync"]
    options = f"-c listen_addresses= -c unix_socket_directories={folder} -c fsync=off"
    try:
        subprocess.run(start, check=True, **run, **who)
        subprocess.run([str(programs / "pg_ctl"), "-D", data, "-w", "-o", options, "start"], check=True, **run, **who)
        yield f"postgresql+psycopg://tester@/postgres?host={folder}"
        subprocess.run([str(programs / "pg_ctl"), "-D", data, "-m", "immediate", "stop"], check=True, **run, **who)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["memory", "file", "url", "postgres"])
def place(request, tmp_path):
    if request.param == "postgres":
        return request.getfixturevalue("postgres")
    return {"memory": "memory", "file": tmp_path / "a" / "state.db", "url": f"sqlite:///{tmp_path}/u.db"}[request.param]


def test_conversations_and_files_are_kept_replaced_and_forgotten(place):
    now = 100.0
    store = SessionStore(place, keep=3, clock=lambda: now)
    try:
        for session_id in ("a", "b", "a", "c"):
            now += 1
            store.save(session_id, [Message("user", f"{session_id} ünï \x01 at {now}")])
        file = store.files.add("a", "x.bin", b"\0\xff" * 500)
        upload = store.files.add("", "notes.txt", b"hello")
        assert store.ids() == ("c", "a", "b")
        assert store.load("a")[0].content == "a ünï \x01 at 103.0"
        assert store.load("unknown") is None
        assert store.files.body(file.id) == b"\0\xff" * 500
        assert store.files.of_session("a") == (file,) == (store.files.get(file.id),)
        for session_id in ("d", "c"):
            now += 1
            store.save(session_id, [Message("user", "new")])
        assert store.ids() == ("c", "d", "a")
        store.delete("a")
        assert store.load("a") is None
        assert store.files.get(file.id) is None
        assert store.files.all() == (upload,)
        assert (upload.mime_type, upload.size) == ("text/plain", 5)
    finally:
        for session_id in store.ids():
            store.delete(session_id)
        for left in store.files.all():
            store.files.delete(left.id)
        store.close()


def test_what_is_looked_up_by_a_name_with_a_zero_in_it_is_not_there(place):
    store = SessionStore(place)
    store.save("zero", [Message("user", "a\0b")])
    assert store.load("zero") == (Message("user", "a\0b"),)
    assert (store.load("a\0b"), store.files.get("a\0b"), store.files.of_session("a\0b")) == (None, None, ())
    store.delete("zero")
    store.close()


def test_many_servers_may_start_on_one_new_database_and_write_at_the_same_time(postgres):
    database = open_database(postgres)
    database.define("DROP TABLE IF EXISTS sessions", "DROP TABLE IF EXISTS files")
    database.close()

    def serve(server: int) -> None:
        store = SessionStore(postgres)
        for n in range(5):
            store.save(f"shared {n}", [Message("user", f"of {server}")])
            store.save(f"{server} {n}", [Message("user", "own")])
        store.close()

    with ThreadPoolExecutor(4) as servers:
        list(servers.map(serve, range(4)))
    store = SessionStore(postgres)
    assert len(store.ids()) == 25
    assert {store.load(f"shared {n}")[0].content[:3] for n in range(5)} == {"of "}
    for session_id in store.ids():
        store.delete(session_id)
    store.close()


def test_a_connection_that_the_database_ended_is_replaced(postgres):
    store = SessionStore(postgres)
    store.save("a", [Message("user", "kept")])
    other = open_database(postgres)
    with other.transaction() as run:
        run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND query <> ''")
    other.close()
    assert store.load("a") == (Message("user", "kept"),)
    store.delete("a")
    store.close()


def test_a_failed_transaction_changes_nothing(place):
    database = open_database(place)
    with database.transaction() as run:
        run("CREATE TABLE IF NOT EXISTS words (word TEXT)")
    with pytest.raises(ZeroDivisionError), database.transaction() as run:  # noqa: PT012 - both belong together
        run("INSERT INTO words VALUES (:word)", word="lost")
        raise ZeroDivisionError
    with database.transaction() as run:
        assert list(run("SELECT word FROM words")) == []
    database.close()


def test_unused_conversations_and_their_files_go_after_their_time():
    now = 0.0
    store = SessionStore(ttl_s=60, clock=lambda: now)
    store.save("old", [Message("user", "hi")])
    store.files.add("old", "a.txt", b"a")
    now = 61.0
    store.save("new", [Message("user", "hi")])
    assert (store.ids(), store.files.all()) == (("new",), ())


def test_the_oldest_files_go_first():
    from mistralrs_agent.storage.files import FileStore

    now = 0.0
    files = FileStore(open_database("memory"), clock=lambda: now, keep=2)
    for name in "abc":
        now += 1
        files.add("s", name, b"")
    assert [file.name for file in files.of_session("s")] == ["b", "c"]


def test_the_file_is_for_its_owner_only(tmp_path):
    SessionStore(tmp_path / "state.db").close()
    assert stat.S_IMODE((tmp_path / "state.db").stat().st_mode) == 0o600


@pytest.mark.parametrize("url", ["postgresql+psycopg://u:secret@127.0.0.1:1/none", "nonsense://u:secret@here/x"])
def test_a_database_that_cannot_be_reached_is_said_without_its_password(url):
    pytest.importorskip("sqlalchemy", reason="needs the extra 'state'")
    pytest.importorskip("psycopg", reason="needs the extra 'state'")
    with pytest.raises(ConfigError, match="cannot keep state") as failure:
        SessionStore(url)
    assert "secret" not in str(failure.value)
