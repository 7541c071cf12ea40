"""A Hub on this machine's loopback address, for the real `huggingface_hub` client; it fails when told to."""

import base64
import hashlib
import json
import os
import re
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

from .loopback_repository import LARGE, Repository, StoredFile

TOKEN = "hf_loopback"
USER = "me"
_MODEL = r"/api/models/(?P<name>[^/]+/[^/]+)"
ROUTES = {
    "whoami": ("GET", r"/api/whoami-v2"),
    "create": ("POST", r"/api/repos/create"),
    "validate": ("POST", r"/api/validate-yaml"),
    "preupload": ("POST", _MODEL + r"/preupload/(?P<revision>[^/]+)"),
    "commit": ("POST", _MODEL + r"/commit/(?P<revision>[^/]+)"),
    "branch": ("POST", _MODEL + r"/branch/(?P<revision>[^/]+)"),
    "refs": ("GET", _MODEL + r"/refs"),
    "discussions": ("GET", _MODEL + r"/discussions"),
    "tree": ("GET", _MODEL + r"/tree/(?P<revision>[^/]+)"),
    "info": ("GET", _MODEL + r"(/revision/(?P<revision>[^/]+))?"),
    "batch": ("POST", r"/(?P<name>[^/]+/[^/]+)\.git/info/lfs/objects/batch"),
    "upload": ("PUT", r"/lfs/(?P<oid>\w+)"),
    "resolve": ("GET", r"/(?P<name>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<path>.+)"),
}


@dataclass
class Failure:
    """What goes wrong at a route: an HTTP status, or a connection cut before or after the work is done."""

    status: int | None = None
    cut: str | None = None  # "before" or "after"
    times: float = 1
    headers: tuple[tuple[str, str], ...] = ()


class LoopbackHub:
    """Repositories by name, the requests that came, and what shall fail. Whoever has `TOKEN` is the user `me`."""

    def __init__(self):
        self.repositories = {}
        self.objects = {}
        self.requests = []
        self.failures = {}
        self.reached = {}  # by route: an event that a held request sets
        self.released = threading.Event()
        handler = type("Handler", (_Handler,), {"hub": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self):
        self.released.set()
        self._server.shutdown()
        self._server.server_close()

    def fail(self, route, status=None, cut=None, times=1, **headers):
        """Let a route fail so many times; the headers' names are written with `_`."""
        named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
        self.failures[route] = Failure(status, cut, times, named)

    def hold(self, route):
        """Let a route wait, its work done, until the hub is closed; returns an event that says it has been reached."""
        self.reached[route] = threading.Event()
        return self.reached[route]

    def environment(self, home, **more):
        """Return the environment of a process that knows this Hub alone, with a cache of its own."""
        told = {"HF_ENDPOINT": self.address, "HF_TOKEN": TOKEN, "HF_HUB_DISABLE_XET": "1", "HF_HUB_OFFLINE": "0"}
        places = {"HF_HOME": str(home), "HF_MODULES_CACHE": str(home / "modules")}
        return {**os.environ, **told, **places, **more}

    def count(self, route):
        return self.requests.count(route)


class _Handler(BaseHTTPRequestHandler):
    hub: LoopbackHub
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        path = urlsplit(self.path).path
        method = "GET" if self.command == "HEAD" else self.command
        self.body = self._read_body()
        for route, (wanted, pattern) in ROUTES.items():
            match = re.fullmatch(pattern, path)
            if method == wanted and match:
                self.hub.requests.append(route)
                return self._serve(route, {key: unquote(value or "main") for key, value in match.groupdict().items()})
        return self._refuse(404)  # such as /api/agent-harnesses, which the client can do without

    do_HEAD = do_POST = do_PUT = do_GET  # noqa: N815 - names that http.server looks for

    def _read_body(self):
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        pieces = []
        while size := int(self.rfile.readline(), 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(pieces)

    def _serve(self, route, parts):
        failure = self.hub.failures.get(route)
        if failure is not None and failure.times > 0:
            failure.times -= 1
            if failure.status is not None:
                return self._refuse(failure.status, **{key.replace("-", "_"): value for key, value in failure.headers})
            if failure.cut == "before":
                return self._cut()
        else:
            failure = None
        answer = getattr(self, f"_{route}")(**parts)
        if failure is not None:
            return self._cut()
        if route in self.hub.reached:
            self.hub.reached[route].set()
            self.hub.released.wait(60)
            return self._cut()
        return answer()

    def _cut(self):
        self.close_connection = True
        self.connection.close()

    def _refuse(self, status, **headers):
        self._send(b'{"error": "as told"}', status, **headers)

    def _send(self, content, status=200, **headers):
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _json(self, value, status=200):
        return lambda: self._send(json.dumps(value).encode(), status, Content_Type="application/json")

    def _missing(self, code, **headers):
        return lambda: self._refuse(404, X_Error_Code=code, X_Error_Message=code, **headers)

    @property
    def _is_me(self):
        return self.headers.get("Authorization") == f"Bearer {TOKEN}"

    def _repository(self, name):
        repository = self.hub.repositories.get(name)
        return repository if repository is not None and (self._is_me or not repository.is_private) else None

    def _whoami(self):
        if not self._is_me:
            return lambda: self._refuse(401, X_Error_Message="Invalid credentials in Authorization header")
        return self._json({"type": "user", "name": USER, "fullname": USER, "orgs": []})

    def _create(self):
        asked = json.loads(self.body)
        name = f"{asked.get('organization') or USER}/{asked['name']}"
        if not self._is_me or not name.startswith(f"{USER}/"):
            return lambda: self._refuse(
                403, X_Error_Message=f"You don't have the rights to create a model under {name}"
            )
        if name in self.hub.repositories:
            return self._json({"error": "exists", "url": f"{self.hub.address}/{name}"}, 409)
        self.hub.repositories[name] = Repository(asked.get("visibility") == "private" or bool(asked.get("private")))
        return self._json({"url": f"{self.hub.address}/{name}"})

    def _validate(self):
        return self._json({"errors": [], "warnings": []})

    def _preupload(self, name, revision):
        repository = self._repository(name)
        if repository is None:
            return self._missing("RepoNotFound")
        if repository.resolve(revision) is None:
            return self._missing("RevisionNotFound")
        present = repository.trees[repository.resolve(revision)]
        files = []
        for file in json.loads(self.body)["files"]:
            mode = "lfs" if file["path"].endswith(LARGE) else "regular"
            known = {"oid": present[file["path"]].oid} if file["path"] in present else {}
            files.append({"path": file["path"], "uploadMode": mode, "shouldIgnore": False, **known})
        return self._json({"files": files})

    def _batch(self, name):
        objects = []
        for item in json.loads(self.body)["objects"]:
            upload = {"upload": {"href": f"{self.hub.address}/lfs/{item['oid']}"}}
            objects.append({**item, **({} if item["oid"] in self.hub.objects else {"actions": upload})})
        return self._json({"transfer": "basic", "objects": objects})

    def _upload(self, oid):
        assert hashlib.sha256(self.body).hexdigest() == oid
        self.hub.objects[oid] = self.body
        return self._json({})

    def _commit(self, name, revision):
        repository, is_proposal = self._repository(name), "create_pr" in parse_qs(urlsplit(self.path).query)
        if repository is None:
            return self._missing("RepoNotFound")
        if repository.resolve(revision) is None:
            return self._missing("RevisionNotFound")
        if not name.startswith(f"{USER}/") and not is_proposal:
            return lambda: self._refuse(403, X_Error_Message=f"{USER} has no right to write to {name}")
        lines = [json.loads(line) for line in self.body.splitlines()]
        title = next(line["value"]["summary"] for line in lines if line["key"] == "header")
        changes = {line["value"]["path"]: self._content(line) for line in lines if line["key"] != "header"}
        oid = repository.commit(revision, changes, title if is_proposal else None)
        told = {"commitUrl": f"{self.hub.address}/{name}/commit/{oid}", "commitOid": oid, "success": True}
        if is_proposal:
            told["pullRequestUrl"] = f"{self.hub.address}/{name}/discussions/{len(repository.pull_requests)}"
        return self._json(told)

    def _content(self, line):
        if line["key"] == "lfsFile":
            return StoredFile(self.hub.objects[line["value"]["oid"]], is_large=True)
        return StoredFile(base64.b64decode(line["value"]["content"]), is_large=False)

    def _branch(self, name, revision):
        repository = self._repository(name)
        repository.branches[revision] = repository.branches["main"]
        return self._json({})

    def _refs(self, name):
        branches = self._repository(name).branches
        listed = [{"name": key, "ref": f"refs/heads/{key}", "targetCommit": oid} for key, oid in branches.items()]
        return self._json({"branches": listed, "converts": [], "tags": [], "pullRequests": []})

    def _discussions(self, name):
        found = [
            {"num": number, "title": title, "status": "open", "isPullRequest": True}
            | {
                "author": {"name": USER},
                "createdAt": "2026-01-01T00:00:00.000Z",
                "repo": {"name": name, "type": "model"},
            }
            for number, title in enumerate(self._repository(name).pull_requests, start=1)
        ]
        return self._json({"discussions": found, "count": len(found), "start": 0})

    def _tree(self, name, revision):
        repository = self._repository(name)
        listed = [_described(path, file) for path, file in repository.trees[repository.resolve(revision)].items()]
        return self._json(listed)

    def _info(self, name, revision):
        repository = self._repository(name)
        if repository is None:
            return self._missing("RepoNotFound")
        oid = repository.resolve(revision)
        if oid is None:
            return self._missing("RevisionNotFound")
        files = [{"rfilename": path} for path in repository.trees[oid]]
        told = {"id": name, "modelId": name, "sha": oid, "private": repository.is_private, "siblings": files}
        return self._json({**told, "tags": [], "downloads": 0, "likes": 0})

    def _resolve(self, name, revision, path):
        repository = self._repository(name)
        if repository is None:
            return self._missing("RepoNotFound")
        oid = repository.resolve(revision)
        if oid is None:
            return self._missing("RevisionNotFound")
        file = repository.trees[oid].get(path)
        if file is None:
            return self._missing("EntryNotFound", X_Repo_Commit=oid)
        return lambda: self._send(file.content, ETag=f'"{file.oid}"', X_Repo_Commit=oid)

    def log_message(self, *_):
        """Say nothing: the tests read `requests`."""


def _described(path, file):
    described = {"type": "file", "path": path, "size": len(file.content), "oid": file.oid}
    if file.is_large:
        described["lfs"] = {"oid": file.oid, "size": len(file.content), "pointerSize": 134}
    return described
