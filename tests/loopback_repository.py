"""What a Hub knows of one model repository: commits as whole trees, branches, pull requests."""

import hashlib
from dataclasses import dataclass, field

LARGE = (".safetensors", ".onnx", ".png")  # the Hub keeps these as LFS objects


@dataclass(frozen=True)
class StoredFile:
    """Content of one file of a commit."""

    content: bytes
    is_large: bool

    @property
    def oid(self):
        """The name that the Hub gives the content: sha256 of an LFS object, git's own of others."""
        if self.is_large:
            return hashlib.sha256(self.content).hexdigest()
        return hashlib.sha1(b"blob %d\0" % len(self.content) + self.content).hexdigest()


@dataclass
class Repository:
    """Commits, newest last, and what points to them."""

    is_private: bool = False
    commits: list[str] = field(default_factory=list)
    trees: dict[str, dict[str, StoredFile]] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    pull_requests: list[str] = field(default_factory=list)  # titles; the first is number 1

    def __post_init__(self):
        self.commit("main", {".gitattributes": StoredFile(b"", is_large=False)})

    @property
    def pushed(self):
        """The commits that somebody has pushed: all but the one that the Hub makes itself."""
        return self.commits[1:]

    def files(self, revision="main"):
        """Paths and contents of a revision, without what the Hub puts there itself."""
        tree = self.trees[self.resolve(revision)]
        return {path: file.content for path, file in tree.items() if path != ".gitattributes"}

    def resolve(self, revision):
        """Return the commit of a branch, a pull request or a commit; None: there is none."""
        return self.branches.get(revision) or (revision if revision in self.trees else None)

    def commit(self, revision, changes, title=None):
        """Add a commit, to a branch or as a new pull request where a title is given; returns its name."""
        parent = self.trees.get(self.resolve(revision) or "", {})
        tree = {**parent, **changes}
        listed = f"{len(self.commits)} {sorted((path, file.oid) for path, file in tree.items())}"
        name = hashlib.sha1(listed.encode()).hexdigest()
        if title is not None:
            self.pull_requests.append(title)
            revision = f"refs/pr/{len(self.pull_requests)}"
        self.commits.append(name)
        self.trees[name] = tree
        self.branches[revision] = name
        return name
