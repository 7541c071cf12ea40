"""`polyhead check`: what a recipe's data hold, before anything is learned from them."""

from dataclasses import asdict
from typing import Annotated

import typer

from .commands_train import Overrides, RecipeFile
from .mistakes import MISTAKE


def check(
    recipe: RecipeFile,
    overrides: Overrides = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object with every count, repeat and overlap instead of tables.")
    ] = False,
) -> None:
    """Read every row of a recipe's data and report on it.

    Problems end with exit code 2, because training would stop at them too: unknown labels, values of the wrong type,
    empty texts, files that cannot be read, tasks without a usable label. Each is named with file, row, column and value.
    Warnings end with exit code 0, because they may be meant: rows in train and test alike, repeated texts and texts with
    two labels, labels with few or no training rows, texts longer than the model reads.
    """
    from .check_tables import print_report
    from .json_lines import print_json
    from .quiet import quiet_transformers
    from .training.check.report import check_recipe
    from .training.check.warnings import find_warnings
    from .training.data.data_error import DataError

    quiet_transformers()
    try:
        report = check_recipe(recipe, overrides or [])
    except DataError as error:
        if not as_json:
            raise
        print_json({"num_problems": error.total, "problems": error.problems})
        raise typer.Exit(MISTAKE) from None
    warnings = find_warnings(report)
    if as_json:
        found = {"num_problems": 0, "problems": [], "warnings": [asdict(warning) for warning in warnings]}
        print_json({**found, **report.to_dict()})
    else:
        print_report(report, warnings)
