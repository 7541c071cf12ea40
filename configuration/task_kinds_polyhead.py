"""What a task may be: its kinds, heads and losses, and the names it may not have."""

import re

TASK_KINDS = (
    "single_label_classification",
    "binary_classification",
    "multi_label_classification",
    "regression",
    "ordinal_regression",
    "token_classification",
    "pair_similarity",
    "pair_classification",
)
HEAD_KINDS = ("linear", "mlp", "attention")
HEAD_INPUTS = ("pooled", "projected", "normalized")
LABELLED_KINDS = tuple(kind for kind in TASK_KINDS if kind not in ("regression", "pair_similarity"))
# Losses by kind; the first is the default.
LOSSES = {
    "single_label_classification": ("cross_entropy",),
    "binary_classification": ("binary_cross_entropy",),
    "multi_label_classification": ("binary_cross_entropy",),
    "regression": ("mse", "huber", "mae"),
    "ordinal_regression": ("corn",),
    "token_classification": ("cross_entropy",),
    "pair_similarity": ("mse", "cosent", "multiple_negatives_ranking"),
    "pair_classification": ("cross_entropy",),
}
BIO_TAG = re.compile(r"O|[BI]-.+")
# Losses that compare the rows of one batch with each other: one row alone teaches nothing.
RANKING_LOSSES = ("cosent", "multiple_negatives_ranking")
_SOFTMAX_KINDS = tuple(kind for kind, losses in LOSSES.items() if "cross_entropy" in losses)
_SIGMOID_KINDS = tuple(kind for kind, losses in LOSSES.items() if "binary_cross_entropy" in losses)
# Kinds with one answer that can be withheld.
ABSTAINING_KINDS = (
    "single_label_classification",
    "binary_classification",
    "ordinal_regression",
    "pair_classification",
)
# What only some kinds read; for the others it would be ignored without a word.
KINDS_OF_FIELD = {
    "class_weights": _SOFTMAX_KINDS,
    "label_smoothing": _SOFTMAX_KINDS,
    "pos_weight": _SIGMOID_KINDS,
    "thresholds": _SIGMOID_KINDS,
    "min_confidence": ABSTAINING_KINDS,
    "max_out_of_scope": ("single_label_classification",),
    "target_mean": ("regression",),
    "target_scale": ("regression",),
    "value_range": ("pair_similarity",),
    "matryoshka_dims": ("pair_similarity",),
}
# Attributes of torch.nn.ModuleDict, which holds the heads by name, with the one that transformers adds (smart_apply); a
# test compares this list with torch.
# fmt: off
RESERVED_TASK_NAMES = frozenset([
    "T_destination", "add_module", "apply", "bfloat16", "buffers", "call_super_init", "children", "clear",
    "compile", "cpu", "cuda", "double", "dump_patches", "eval", "extra_repr", "float", "forward", "get_buffer",
    "get_extra_state", "get_parameter", "get_submodule", "half", "ipu", "items", "keys", "load_state_dict",
    "modules", "mtia", "named_buffers", "named_children", "named_modules", "named_parameters", "parameters", "pop",
    "register_backward_hook", "register_buffer", "register_forward_hook", "register_forward_pre_hook",
    "register_full_backward_hook", "register_full_backward_pre_hook", "register_load_state_dict_post_hook",
    "register_load_state_dict_pre_hook", "register_module", "register_parameter", "register_state_dict_post_hook",
    "register_state_dict_pre_hook", "requires_grad_", "set_extra_state", "set_submodule", "share_memory", "smart_apply",
    "state_dict", "to", "to_empty", "train", "training", "type", "update", "values", "xpu", "zero_grad",
])
# fmt: on
