"""`polyhead export`: a trained model in forms that need no code of ours."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .mistakes import CarefulGroup
from .training_rows import tell_training_rows

if TYPE_CHECKING:
    from .modeling.modeling_polyhead import PolyheadModel

export = typer.Typer(
    cls=CarefulGroup,
    no_args_is_help=True,
    help="Write an ONNX graph, or the plain encoder.",
)
Model = Annotated[str, typer.Argument(metavar="MODEL", help="Folder of a trained model, or its name on the Hub.")]
Output = Annotated[Path, typer.Argument(metavar="OUT", help="New or empty folder.")]


@export.command()
def onnx(
    model: Model,
    output: Output,
    int8: Annotated[
        bool, typer.Option("--int8", help="8-bit weights: a quarter of the size, faster, answers slightly different.")
    ] = False,
) -> None:
    """Write one ONNX graph with every head.

    It has the sentence embedding too; polyhead.OnnxPolyhead runs it without torch.
    """
    from .modeling.scope_polyhead import SCOPE
    from .publishing.onnx_export import export_onnx

    export_onnx(_load(model), output, int8=int8)
    if (output / SCOPE).is_file():
        tell_training_rows(SCOPE)
    _tell("model", output)


@export.command()
def encoder(model: Model, output: Output) -> None:
    """Write the encoder alone, without code.

    transformers, sentence-transformers and servers that refuse custom code read it.
    """
    from .publishing.encoder_export import export_encoder

    export_encoder(_load(model), output)
    _tell("encoder", output)


def _load(name: str) -> "PolyheadModel":
    from .loading import load_checkpoint

    return load_checkpoint(name)


def _tell(what: str, output: Path) -> None:
    size = sum(path.stat().st_size for path in output.rglob("*") if path.is_file())
    print(f"{what}: {output} ({size / 1e6:.1f} MB)")
