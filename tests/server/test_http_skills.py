"""Skills over HTTP: uploaded as a zip file or file by file, versions, lists in two shapes, refusals."""

from __future__ import annotations

import io
import stat
import zipfile

import pytest
from server_doubles import http_client, make_agent, scripted

from engine.chat.scripted import text
from mistralrs_agent.storage.skills import MANUAL, SkillStore
from mistralrs_agent.tools.skills import SkillTool

CHAT = "/v1/chat/completions"
TAX = b"---\nname: tax\ndescription: How to do taxes.\n---\nSteps.\n"


@pytest.fixture
def agent(tmp_path):
    own = tmp_path / "own"
    own.mkdir()
    (own / MANUAL).write_bytes(TAX.replace(b"tax", b"own"))
    return make_agent([[text("ok")]] * 5, tools=[SkillTool(SkillStore(tmp_path), None)])


def zipped(manual: bytes = TAX, *more: tuple[str, bytes, int]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("tax/SKILL.md", manual)
        for name, body, mode in more:
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            archive.writestr(info, body)
    return out.getvalue()


def upload(body: bytes, part: str = "file"):
    return {"files": [(part, ("tax.zip", body, "application/zip"))]}


async def test_a_skill_is_uploaded_used_in_versions_and_deleted(agent):
    async with http_client(agent) as client:
        made = (await client.post("/v1/skills", **upload(zipped()))).json()
        assert made == {
            "id": made["id"],
            "object": "skill",
            "created_at": made["created_at"],
            "name": "tax",
            "description": "How to do taxes.",
            "latest_version": 1,
        }
        path = f"/v1/skills/{made['id']}"
        newer = await client.post(f"{path}/versions", **upload(zipped(TAX.replace(b"taxes", b"more"))))
        assert (newer.json()["id"], newer.json()["object"]) == (f"{made['id']}_v2", "skill.version")
        assert (await client.get(path)).json()["latest_version"] == 2
        assert [v["version"] for v in (await client.get(f"{path}/versions")).json()["data"]] == [1, 2]
        assert (await client.get(f"{path}/versions/1")).json()["description"] == "How to do taxes."
        for version in ("latest", 1, "2", None):
            skill = {"type": "skill_reference", "skill_id": made["id"], "version": version}
            assert (await client.post(CHAT, json={"messages": "go", "skills": [skill]})).status_code == 200
        assert (await client.delete(f"{path}/versions/2")).json()["deleted"]
        assert (await client.delete(path)).json() == {"id": made["id"], "object": "skill.deleted", "deleted": True}
        assert [skill["name"] for skill in (await client.get("/v1/skills")).json()["data"]] == ["own"]
        await client.post(CHAT, json={"messages": "go"})
    listed = [request.tools[0].description.rpartition("- ")[2] for request in scripted(agent).requests]
    assert listed == [
        "tax: How to do more.",
        "tax: How to do taxes.",
        *["tax: How to do more."] * 2,
        "own: How to do ownes.",
    ]


@pytest.mark.parametrize("part", ["files[]", "files"])
async def test_files_of_a_folder_can_be_sent_one_by_one(agent, part):
    files = [(part, ("tax/SKILL.md", TAX)), (part, ("tax/scripts/run.sh", b"echo"))]
    async with http_client(agent) as client:
        made = (await client.post("/v1/skills", files=files)).json()
    assert agent.skills.get(made["id"]).paths() == [MANUAL, "scripts/run.sh"]


async def test_anthropic_clients_get_their_shape(agent):
    async with http_client(agent) as client:
        headers = {"anthropic-version": "2023-06-01"}
        made = (await client.post("/v1/skills", **upload(zipped()), headers=headers)).json()
        assert (made["type"], made["display_title"], made["latest_version"], made["source"]) == (
            "skill",
            "tax",
            "1",
            "custom",
        )
        listed = (await client.get("/v1/skills?source=custom")).json()
        assert (len(listed["data"]), listed["has_more"], listed["next_page"]) == (2, False, None)
        assert (await client.get("/v1/skills?source=anthropic")).json()["data"] == []
        versions = (await client.get(f"/v1/skills/{made['id']}/versions", headers=headers)).json()
        assert (versions["data"][0]["type"], versions["data"][0]["version"]) == ("skill_version", "1")


async def test_users_use_the_skills_of_the_server_and_change_none(agent):
    ann = {"x-api-key": "key-of-ann"}
    async with http_client(agent, user_keys={"key-of-ann": "ann"}, api_key="operator") as client:
        assert (await client.get("/v1/skills/own", headers=ann)).status_code == 200
        for method, path in (
            ("POST", ""),
            ("POST", "/own/versions"),
            ("DELETE", "/own"),
            ("DELETE", "/own/versions/1"),
        ):
            answer = await client.request(method, f"/v1/skills{path}", headers=ann, **upload(zipped()))
            assert (answer.status_code, "operator" in answer.json()["error"]["message"]) == (403, True)
        made = await client.post("/v1/skills", headers={"authorization": "Bearer operator"}, **upload(zipped()))
        assert made.status_code == 200


async def test_attacks_and_mistakes_are_refused_as_json_and_leave_nothing(agent, tmp_path):
    before = sorted(tmp_path.rglob("*"))
    requests = [
        ("POST", "", upload(zipped(TAX, ("tax/../../../evil", b"x", stat.S_IFREG | 0o644))), 422),
        ("POST", "", upload(zipped(TAX, ("tax/link", b"/etc/passwd", stat.S_IFLNK | 0o777))), 422),
        ("POST", "", upload(b"not a zip file"), 422),
        ("POST", "", upload(zipped(b"# no head")), 422),
        ("POST", "", upload(zipped(TAX.replace(b"tax", b"own"))), 409),
        ("POST", "", upload(zipped(), part="zip"), 400),
        ("POST", "", {"files": {"file": (None, "text")}}, 400),
        ("POST", "", {"files": [("files", ("../x/SKILL.md", TAX))]}, 422),
        ("POST", "", {"json": {}}, 415),
        ("POST", "/none/versions", upload(zipped()), 404),
        ("POST", "/own/versions", upload(zipped()), 403),
        ("DELETE", "/own", {}, 403),
        ("DELETE", "/none", {}, 404),
        ("GET", "/none", {}, 404),
        ("GET", "/own/versions/9", {}, 404),
        ("GET", "/own/versions/x", {}, 422),
    ]
    async with http_client(agent) as client:
        for method, path, body, status in requests:
            answer = await client.request(method, f"/v1/skills{path}", **body)
            assert answer.status_code == status, (method, path, answer.text)
            assert answer.json()["error"]["message"]
        for skill, status in (({"skill_id": "none"}, 404), ({"skill_id": "own", "version": "x"}, 400), ({}, 422)):
            answer = await client.post(CHAT, json={"messages": "go", "skills": [skill]})
            assert answer.status_code == status, answer.text
    assert sorted(tmp_path.rglob("*")) == before
