"""Load a trained model with transformers alone: `python load_without_polyhead.py FOLDER`.

A checkpoint carries its own code, so whoever receives it needs torch and transformers, and nothing of ours. To prove it,
this process refuses to import `polyhead`, installed or not.
"""

import sys
from importlib.abc import MetaPathFinder

SENTENCES = [
    "The train leaves at seven.",
    "A wonderful match, she scored twice!",
    "My new laptop arrived broken.",
]


class NoPolyhead(MetaPathFinder):
    """Makes `import polyhead` fail in this process."""

    def find_spec(self, fullname, path=None, target=None):
        """Refuse the package and all of its modules, let others pass."""
        if fullname.split(".")[0] == "polyhead":
            raise ModuleNotFoundError(f"No module named '{fullname}' in this process", name=fullname)


sys.meta_path.insert(0, NoPolyhead())
try:
    import polyhead
except ModuleNotFoundError:
    pass
else:
    raise AssertionError(f"polyhead was imported from {polyhead.__file__}; this process must do without")

from transformers import AutoModel  # noqa: E402 - after the block, so that nothing can slip in
from transformers.utils.logging import disable_progress_bar  # noqa: E402 - likewise after the block


def describe(answer):
    """Say in a few words what a task answers."""
    if "label" in answer:
        return f"{answer['label']} {answer['score']:.2f}"
    if "labels" in answer:
        return ", ".join(answer["labels"]) or "none"
    if "entities" in answer:
        return ", ".join(f"{entity['text']} ({entity['label']})" for entity in answer["entities"]) or "none"
    return ", ".join(f"{name} {value:.2f}" for name, value in answer.get("values", answer).items())


def main(folder):
    """Print embedding and answers of a few sentences."""
    disable_progress_bar()
    model = AutoModel.from_pretrained(folder, trust_remote_code=True)
    answers = model.predict(SENTENCES, include_embeddings=True)
    embeddings = answers.pop("embeddings")
    rows = [["sentence", f"embedding ({embeddings.shape[1]} numbers)", *answers]]
    for position, sentence in enumerate(SENTENCES):
        numbers = " ".join(f"{number:+.3f}" for number in embeddings[position][:3])
        rows.append([sentence, f"{numbers} ...", *(describe(column[position]) for column in answers.values())])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rows.insert(1, ["-" * width for width in widths])
    print(f"{type(model).__name__} from {folder}, loaded without polyhead")
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    assert "polyhead" not in sys.modules


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(f"usage: python {sys.argv[0]} FOLDER_OF_A_TRAINED_MODEL")
    main(sys.argv[1])
