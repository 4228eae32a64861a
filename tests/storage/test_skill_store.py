"""Skills on disk: found, uploaded, versions; and packages that attack whoever unpacks them."""

from __future__ import annotations

import io
import stat
import zipfile

import pytest

from mistralrs_agent.errors import RequestError, UserError
from mistralrs_agent.storage import packages
from mistralrs_agent.storage.packages import Package, of_files, unzipped
from mistralrs_agent.storage.skills import MANUAL, SkillStore, front_matter


def manual(name: str = "tax", description: str = "How to do taxes.", text: str = "# Taxes\n") -> str:
    return f"---\nname: {name}\ndescription: {description}\n---\n{text}"


def package(*more: tuple[str, bytes], **head: str) -> Package:
    return Package({MANUAL: manual(**head).encode(), **dict(more)})


def zipped(*entries: tuple[str, bytes] | tuple[str, bytes, int], compress: int = zipfile.ZIP_DEFLATED) -> bytes:
    """`(name, contents[, mode])` each."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compress) as archive:
        for name, body, *mode in entries:
            info = zipfile.ZipInfo(name)
            info.compress_type = compress
            info.external_attr = (mode[0] if mode else stat.S_IFREG | 0o644) << 16
            archive.writestr(info, body)
    return out.getvalue()


GOOD = ("tax/SKILL.md", manual().encode())


def test_folders_with_a_manual_are_skills_and_nothing_else_is(tmp_path):
    for folder, text in (("a", manual("alpha")), ("b", "no head"), ("c", None), (".hidden", manual("h"))):
        (tmp_path / folder).mkdir()
        if text:
            (tmp_path / folder / MANUAL).write_text(text)
    (tmp_path / "outside").write_text(manual("link"))
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / MANUAL).symlink_to(tmp_path / "outside")
    (tmp_path / "a" / "scripts").mkdir()
    (tmp_path / "a" / "scripts" / "run.sh").write_text("echo")
    (tmp_path / "a" / "scripts" / "run.sh").chmod(0o755)
    (tmp_path / "a" / "secret").symlink_to(tmp_path / "outside")
    (tmp_path / "a" / "up").symlink_to(tmp_path)
    store = SkillStore(tmp_path)
    (skill,) = store.own()
    assert (skill.id, skill.name, skill.description, skill.version) == ("alpha", "alpha", "How to do taxes.", 1)
    assert skill.paths() == [MANUAL, "scripts/run.sh"]
    assert skill.read("scripts/run.sh") == (b"echo", True)
    assert skill.manual().startswith("---")


def test_uploaded_skills_have_versions_that_outlive_the_process(tmp_path):
    store = SkillStore(tmp_path)
    first = store.add(package(("x.txt", b"1")))
    second = store.add_version(first.id, package(("x.txt", b"2"), description="Newer."))
    store = SkillStore(tmp_path)
    assert (store.get("tax").id, store.get("tax").version, store.get("tax").versions) == (first.id, 2, (1, 2))
    assert store.get(first.id, 1).read("x.txt")[0] == b"1"
    assert (second.description, store.own()) == ("Newer.", [])
    store.delete_version(first.id, 2)
    assert store.get("tax").version == 1
    with pytest.raises(RequestError, match="only version"):
        store.delete_version(first.id, 1)
    store.delete(first.id)
    assert store.all() == [] and list(tmp_path.iterdir()) == []


def test_what_is_not_there_or_not_uploaded_or_there_twice_is_refused(tmp_path):
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / MANUAL).write_text(manual("own"))
    store = SkillStore(tmp_path)
    skill = store.add(package())
    for attempt, status in (
        (lambda: store.get("../own"), 404),
        (lambda: store.get("tax", 7), 404),
        (lambda: store.delete("own"), 403),
        (lambda: store.add_version("own", package()), 403),
        (lambda: store.add(package()), 409),
        (lambda: store.add(package(name="own")), 409),
        (lambda: store.add_version(skill.id, package(name="own")), 409),
        (lambda: store.add(package(name=skill.id)), 422),
        (lambda: store.add(Package({"README": b""})), 422),
        (lambda: store.add(Package({MANUAL: b"---\nname: \xff"})), 422),
        (lambda: store.add(Package({MANUAL: b"-" * (300 << 10)})), 422),
    ):
        with pytest.raises(RequestError) as refusal:
            attempt()
        assert refusal.value.status == status
    assert sorted(s.name for s in store.all()) == ["own", "tax"]
    with pytest.raises(UserError, match="cannot keep skills"):
        SkillStore(tmp_path / "own" / MANUAL)


def test_a_half_written_upload_is_cleared_away(tmp_path):
    (tmp_path / ".new-dead").mkdir()
    store = SkillStore(tmp_path)
    with pytest.raises(UserError):
        store.add(Package({MANUAL: manual().encode(), "a": b"", "a/b": b""}))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("# Taxes", "front matter"),
        ("---\nname: a\n", "front matter"),
        ("---\nname: [\n---\n", "not YAML"),
        ("---\nwhen: 2024-99-99\n---\n", "not YAML"),
        pytest.param("---\n" + "[" * 5000 + "\n---\n", "nested", id="brackets"),
        pytest.param("---\n" + "? " * 3000 + "\n---\n", "not YAML", id="questions"),
        pytest.param("---\n" + "x" * 9000 + "\n---\n", "too long", id="long"),
        ("---\n- a\n---\n", "must hold"),
        ("---\nname: 5\ndescription: x\n---\n", "name"),
        ("---\nname: ../up\ndescription: x\n---\n", "name"),
        ("---\nname: a\n---\n", "description"),
        (f"---\nname: a\ndescription: {'x' * 2000}\n---\n", "description"),
        ("---\nname: a\ndescription: !!python/object/apply:os.system ['true']\n---\n", "not YAML"),
    ],
)
def test_a_wrong_head_is_said(text, said):
    with pytest.raises(RequestError, match=said):
        front_matter(text)


def test_a_head_may_be_any_yaml():
    text = (
        '\ufeff---\r\nname: "a-b"\r\ndescription: >\r\n  Two\r\n  lines: here\r\nlicense: MIT\r\n---\r\nText\n---\nmore'
    )
    assert front_matter(text) == ("a-b", "Two lines: here")


def test_a_zip_file_is_unpacked_without_its_top_folder():
    junk = [("__MACOSX/tax/._SKILL.md", b"x"), ("tax/.DS_Store", b"x"), ("tax/sub/", b"", stat.S_IFDIR | 0o755)]
    found = unzipped(zipped(GOOD, ("tax/sub/run.sh", b"echo", stat.S_IFREG | 0o755), *junk), MANUAL)
    assert found.files == {MANUAL: manual().encode(), "sub/run.sh": b"echo"}
    assert found.executable == {"sub/run.sh"}


ATTACKS = {
    "a way up": [GOOD, ("tax/../../evil", b"x")],
    "a way up in the top folder": [("../SKILL.md", b"x")],
    "an absolute path": [GOOD, ("/etc/evil", b"x")],
    "backslashes": [GOOD, ("tax\\..\\..\\evil", b"x")],
    "a drive": [GOOD, ("tax/C:evil", b"x")],
    "a symlink": [GOOD, ("tax/link", b"/etc/passwd", stat.S_IFLNK | 0o777)],
    "a directory that is a symlink": [GOOD, ("tax/d/", b"/etc", stat.S_IFLNK | 0o777), ("tax/d/passwd", b"x")],
    "a device": [GOOD, ("tax/null", b"", stat.S_IFCHR | 0o666)],
    "a pipe": [GOOD, ("tax/pipe", b"", stat.S_IFIFO | 0o666)],
    "two top folders": [GOOD, ("other/file", b"x")],
    "no top folder": [("SKILL.md", b"x")],
    "no manual": [("tax/README.md", b"x")],
    "nothing": [],
    "the same name but for case": [GOOD, ("tax/A", b"x"), ("tax/a", b"y")],
    "the manual again in lower case": [GOOD, ("tax/skill.md", b"y")],
    "a file named like a folder": [GOOD, ("tax/a", b"x"), ("tax/a/b", b"y")],
    "control characters": [GOOD, ("tax/a\nb", b"x")],
    "text that runs backwards": [GOOD, ("tax/\u202egpj.sh", b"x")],
    "an empty part": [GOOD, ("tax//b", b"x")],
    "a dot at the end": [GOOD, ("tax/a./b", b"x")],
    "a long name": [GOOD, ("tax/" + "x" * 300, b"x")],
    "a deep path": [GOOD, ("tax/" + "d/" * 40 + "f", b"x")],
    "too many files": [GOOD, *((f"tax/{n}", b"") for n in range(packages.MAX_FILES))],
    "a bomb": [GOOD, ("tax/zeros", bytes(1 << 20))],
}


@pytest.mark.parametrize("name", ATTACKS)
def test_a_zip_file_that_attacks_is_refused(name, monkeypatch):
    monkeypatch.setattr(packages, "MAX_BYTES", 1 << 20)
    with pytest.raises(RequestError) as refusal:
        unzipped(zipped(*ATTACKS[name]), MANUAL)
    assert refusal.value.status == 422


def test_bytes_that_are_no_zip_file_or_a_broken_one_are_refused():
    good = zipped(GOOD, ("tax/data", bytes(range(256)) * 50), compress=zipfile.ZIP_STORED)
    broken = [b"", b"PK", good[:-30], good[: len(good) // 2], good.replace(bytes(range(256)), bytes(256))]
    encrypted = bytearray(zipped(GOOD))
    for at, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        encrypted[encrypted.index(at) + offset] |= 1
    for body in (*broken, bytes(encrypted), b"PK\1\2" * 20_000 + zipped(GOOD)):
        with pytest.raises(RequestError):
            unzipped(body, MANUAL)


def test_a_compression_that_cannot_be_read_is_refused():
    body = bytearray(zipped(GOOD))
    for at, offset in ((b"PK\3\4", 8), (b"PK\1\2", 10)):
        body[body.index(at) + offset] = 97  # WavPack
    with pytest.raises(RequestError, match="compression"):
        unzipped(bytes(body), MANUAL)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_comes_twice_is_refused():
    with pytest.raises(RequestError, match="twice"):
        unzipped(zipped(GOOD, GOOD), MANUAL)
    with pytest.raises(RequestError, match="twice"):
        of_files([GOOD, GOOD], MANUAL)


def test_files_sent_one_by_one_are_checked_like_those_of_a_zip_file(monkeypatch):
    assert of_files([GOOD, ("tax/a/b", b"x")], MANUAL).files == {MANUAL: GOOD[1], "a/b": b"x"}
    for name in ("tax/../b", "/b", "other/b", "tax/\\b"):
        with pytest.raises(RequestError):
            of_files([GOOD, (name, b"x")], MANUAL)
    monkeypatch.setattr(packages, "MAX_BYTES", 10)
    with pytest.raises(RequestError, match="larger"):
        of_files([GOOD], MANUAL)
