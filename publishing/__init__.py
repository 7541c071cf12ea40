"""How a model leaves: model card, ONNX, head surgery, Hub push."""
