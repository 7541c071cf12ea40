"""Whether a folder still is the model that was saved: its files, its code, no pickles, and its answers."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ..modeling.code_polyhead import flat_code
from ..modeling.golden_polyhead import GOLDEN, find_differences
from ..modeling.manifest_polyhead import MANIFEST, find_damage, loaded_files, read_manifest
from ..modeling.modeling_polyhead import PolyheadModel
from ..modeling.published_files_polyhead import is_pickle, model_files

SHOWN_DIFFERENCES = 5


@dataclass
class Verification:
    """What was found.

    Args:
        checks: What holds, one line each.
        problems: What does not, one line each; none: the folder may be trusted and pushed.
    """

    checks: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def verify_folder(folder: Path) -> Verification:
    """Check a saved model without running any of its code.

    The model is loaded, by the installed code, only where nothing else is wrong.

    Raises:
        ValueError: The folder is none, or holds no model.
    """
    if not folder.is_dir():
        raise ValueError(f"'{folder}' is no folder; give the folder of a saved model.")
    if not (folder / "config.json").is_file():
        raise ValueError(f"'{folder}' holds no config.json; give the folder that `polyhead train` wrote.")
    found = Verification()
    for check in (_check_pickles, _check_manifest, _check_code, _check_golden):
        _add(found, check, folder)
    return found


def _add(found: Verification, check: Callable[[Path, Verification], str], folder: Path) -> None:
    problems = len(found.problems)
    told = check(folder, found)
    if told and len(found.problems) == problems:
        found.checks.append(told)


def _check_pickles(folder: Path, found: Verification) -> str:
    files = model_files(folder)
    for path in filter(is_pickle, files):
        name = path.relative_to(folder).as_posix()
        found.problems.append(f"{name} is a pickle, and loading one runs code; remove it")
    return f"pickles: none in {len(files)} files"


def _check_manifest(folder: Path, found: Verification) -> str:
    if not (folder / MANIFEST).is_file():
        found.problems.append(f"{MANIFEST} is missing; load and save the model again to get one")
        return ""
    damage = find_damage(folder)
    found.problems += damage
    if damage:
        return ""
    listed = set(read_manifest(folder)["files"])
    added = [name for path in loaded_files(folder) if (name := path.relative_to(folder).as_posix()) not in listed]
    found.problems += [f"{name} is not in {MANIFEST}: it was added after saving; remove it" for name in added]
    return f"manifest: {len(listed)} files as they were saved"


def _check_code(folder: Path, found: Verification) -> str:
    own = flat_code()
    beside = {path.name: path.read_bytes() for path in sorted(folder.glob("*.py"))}
    again = "save the model again: PolyheadModel.from_pretrained(folder).save_pretrained(folder)"
    foreign = sorted(beside.keys() - own.keys())
    missing = sorted(own.keys() - beside.keys())
    other = sorted(name for name in own.keys() & beside.keys() if beside[name] != own[name].encode())
    found.problems += [f"{name} is no code of polyhead's; remove it" for name in foreign]
    if missing:
        found.problems.append(f"{_listed(missing)} missing, so nobody could load the model without polyhead; {again}")
    if other:
        found.problems.append(
            f"{_listed(other)} not the code of the polyhead that is installed; {again}, or install the version that wrote it"
        )
    return f"code: {len(own)} files as in the polyhead that is installed"


def _check_golden(folder: Path, found: Verification) -> str:
    if found.problems:
        return ""
    if not (folder / GOLDEN).is_file():
        return f"answers: not compared, because there is no {GOLDEN}"
    try:
        golden = json.loads((folder / GOLDEN).read_text(encoding="utf-8"))
        model = PolyheadModel.from_pretrained(folder, local_files_only=True)
        lines, largest = find_differences(golden, model)
    except (ValueError, OSError, RuntimeError, KeyError, TypeError, RecursionError) as error:
        found.problems.append(f"the model does not answer: {str(error).splitlines()[0]}")
        return ""
    found.problems += [f"{GOLDEN}: {line}" for line in lines[:SHOWN_DIFFERENCES]]
    if len(lines) > SHOWN_DIFFERENCES:
        found.problems.append(f"{GOLDEN}: {len(lines) - SHOWN_DIFFERENCES} more values differ")
    return f"answers: as when it was saved, within {largest:.1g}"


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:SHOWN_DIFFERENCES])
    more = f" and {len(names) - SHOWN_DIFFERENCES} more" if len(names) > SHOWN_DIFFERENCES else ""
    return f"{shown}{more} {'is' if len(names) == 1 else 'are'}"
