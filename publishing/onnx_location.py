"""Where an exported model lies: in a folder, beside a checkpoint, or in a repository on the Hub."""

from pathlib import Path
from typing import Any

from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

from ..modeling.scope_polyhead import SCOPE
from .onnx_config import CONFIG, GRAPH, TOKENIZER

# Not `onnx/`: other libraries look there for graphs with other inputs and outputs than ours.
BESIDE = "polyhead-onnx"
_FILES = (GRAPH, f"{GRAPH}_data", CONFIG, TOKENIZER, SCOPE)


def find_export(name: str | Path, **hub_options: Any) -> Path:
    """Return the folder of an exported model, fetched from the Hub where it is no folder.

    Args:
        name: Folder that `polyhead export onnx` wrote, or folder or repository with one as `polyhead-onnx` in it.
        **hub_options: `revision`, `token`, `cache_dir` and `local_files_only` of the Hub.

    Raises:
        ValueError: It is neither a folder nor a repository that can be reached.
    """
    folder = Path(name)
    if not folder.is_dir():
        patterns = [pattern for file in _FILES for pattern in (file, f"{BESIDE}/{file}")]
        try:
            folder = Path(snapshot_download(str(name), allow_patterns=patterns, **hub_options))
        except HFValidationError:
            raise ValueError(f"'{name}' is no folder, and no name that the Hub could have. Check the path.") from None
        except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
            reason = str(error).strip().splitlines()[0].rstrip(".")
            raise ValueError(
                f"'{name}' is no folder, and the Hub does not give it: {reason}. Check the name."
            ) from error
    is_beside = (folder / BESIDE / CONFIG).is_file() and not (folder / CONFIG).is_file()
    return folder / BESIDE if is_beside else folder
