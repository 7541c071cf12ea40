"""Where weights lie in memory, so that equal weights give equal answers to the last bit."""

from torch import nn

ALIGNMENT_BYTES = 64  # what torch gives to memory of its own


def align(model: nn.Module) -> None:
    """Copy what a file's layout has put askew in the processor's memory."""
    # Weights mapped from a file lie where its header and the tensors before them leave off, and processors sum unaligned
    # numbers in another order: a head more in the file would change the others' answers in the last bit.
    for tensor in [*model.parameters(), *model.buffers()]:
        if tensor.device.type == "cpu" and tensor.data_ptr() % ALIGNMENT_BYTES:
            tensor.data = tensor.data.clone()
