"""The problems of a study's variants, in words."""

from collections.abc import Iterable, Mapping, Sequence


def problem_lines(problems: Mapping[str, Iterable[str]], num_variants: int) -> list[str]:
    """Name the variant of each problem, but tell one that all variants have once."""
    lines = []
    for problem, variants in problems.items():
        names = list(variants)
        is_shared = len(names) == num_variants > 1
        lines += [problem] if is_shared else [f"variant '{name}': {problem}" for name in names]
    return lines


def without_option_form(problems: Sequence[str], overrides: Mapping[str, str]) -> list[str]:
    """Take off the form of a command-line option, which nobody has typed.

    Args:
        problems: In the words of `load_recipe`.
        overrides: By key of the study file, as `load_recipe` took them.
    """
    plain = []
    for problem in problems:
        for key, override in overrides.items():
            prefix = f"--set {override}: "
            if problem.startswith(prefix):
                problem = f"{key}: {problem.removeprefix(prefix)}"
        plain.append(problem)
    return plain
