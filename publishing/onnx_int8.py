"""Weights of an ONNX graph in 8 bits."""

import logging
from pathlib import Path

BACKBONE = "/backbone/"  # begins the names of its nodes; projection and heads, small and last, stay in float32


def quantize_weights(graph: Path) -> None:
    """Replace the backbone's weights by 8-bit ones, per output channel; activations are scaled anew for each batch.

    Args:
        graph: File, replaced.

    Source:
        https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html, dynamic quantization.
    """
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from onnxruntime.quantization.shape_inference import quant_pre_process

    prepared = graph.with_suffix(".prepared")
    handlers = list(logging.getLogger().handlers)
    quant_pre_process(str(graph), str(prepared), skip_symbolic_shape=True)
    nodes = [node.name for node in onnx.load(str(prepared)).graph.node]
    backbone = [name for name in nodes if name.startswith(BACKBONE)]
    quantize_dynamic(
        str(prepared), str(graph), per_channel=True, weight_type=QuantType.QInt8, nodes_to_quantize=backbone
    )
    logging.getLogger().handlers = handlers  # onnxruntime has set up the log of the whole process, by logging.info()
    prepared.unlink()
    onnx.checker.check_model(str(graph))
