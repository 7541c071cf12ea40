import importlib.util
import subprocess
import sys

import peft
import pytest
import torch

from polyhead.modeling.modeling_polyhead import PolyheadModel
from polyhead.training.optimization.lora import add_lora, lora_settings, merge_lora
from polyhead.training.optimization.parameter_groups import parameter_groups
from polyhead.training.planning import plan_run
from polyhead.training.run.checkpoints import refuse_other_run

from ..conftest import LOUD, PET, moved, row, weights
from .test_freezing import ARCHITECTURES, FAST, ROWS

STEADY = {**FAST, "lr_scheduler_type": "constant"}
LORA = {"rank": 4, "alpha": 8, "dropout": 0.1}
# What peft recommends, or each linear layer where it says nothing.
LEARNING = {"BERT": ("query.", "value."), "DistilBERT": ("_lin.", "lin1.", "lin2.")}
LEARNING |= {"ALBERT": ("query.", "key.", "value.", "dense.", "ffn.", "ffn_output.", "embedding_hidden_mapping_in.")}
LEARNING |= {"ModernBERT": ("Wqkv.", "Wo.", "Wi.")}
READ_BARE = """
import sys
sys.modules["polyhead"] = sys.modules["peft"] = None  # whoever imports them fails
from transformers import AutoModel
import torch
ids = torch.tensor([[2, 61, 62, 3]])
trusted = AutoModel.from_pretrained(sys.argv[1], trust_remote_code=True)
plain = AutoModel.from_pretrained(sys.argv[1])
torch.save({"pet": trusted(ids).logits["pet"], "plain": plain(ids).last_hidden_state}, sys.argv[2])
"""


def of_adapters(names):
    return {name for name in names if ".lora_" in name}


@pytest.mark.parametrize("backbone", ARCHITECTURES)
def test_adapters_and_heads_learn_and_the_backbones_own_weights_stay_bit_equal(backbone, new_model, trainer_for):
    model = new_model(PET, LOUD, backbone=backbone, projection_dim=8)
    original = weights(model)
    trainer = trainer_for(model, ROWS, max_steps=3, lora=LORA, **STEADY)
    before = weights(model)
    trainer.train()

    learned = {name for name in moved(before, weights(model)) if "pooler" not in name}
    ours = {name for name in original if name.startswith("polyhead.")}
    assert learned == ours | {name for name in of_adapters(before) if "pooler" not in name}
    merge_lora(model)
    assert set(weights(model)) == set(original)
    changed = {name.removeprefix("backbone.") for name in moved(original, weights(model)) - ours}
    expected = [name for name in original if name.startswith("backbone.") and name.endswith("weight")]
    expected = [name for name in expected if any(part in name for part in LEARNING[backbone]) and "Norm" not in name]
    assert changed == {name.removeprefix("backbone.") for name in expected if "pooler" not in name}


def test_merged_weights_are_the_sum_written_down(new_model):
    model = new_model(PET)
    before = weights(model)
    add_lora(model, lora_settings({"rank": 2, "alpha": 6, "target_modules": ["query"]}))
    query = model.backbone.encoder.layer[1].attention.self.query
    with torch.no_grad():
        query.lora_B["default"].weight.normal_()
    product = query.lora_B["default"].weight @ query.lora_A["default"].weight
    merge_lora(model)

    name = "backbone.encoder.layer.1.attention.self.query.weight"
    assert moved(before, weights(model)) == {name}
    torch.testing.assert_close(model.get_parameter(name), before[name] + 3 * product, rtol=0, atol=1e-6)


def test_a_merged_model_is_an_ordinary_checkpoint_with_the_same_answers(new_model, trainer_for, tmp_path):
    model = new_model(PET, LOUD)
    trainer_for(model, ROWS, max_steps=5, lora={"rank": 4, "target_modules": "all-linear"}, **STEADY).train()
    ids = torch.tensor([[2, 61, 62, 3]])
    with torch.no_grad():
        unmerged = model.eval()(ids)
        merge_lora(model)
        model.save_pretrained(tmp_path / "saved")
        loaded = PolyheadModel.from_pretrained(tmp_path / "saved")(ids)

    torch.testing.assert_close(loaded.logits["pet"], unmerged.logits["pet"], rtol=0, atol=1e-5)
    torch.testing.assert_close(loaded.last_hidden_state, unmerged.last_hidden_state, rtol=0, atol=1e-5)
    command = [sys.executable, "-c", READ_BARE, tmp_path / "saved", tmp_path / "bare.pt"]
    subprocess.run(command, check=True, capture_output=True)
    bare = torch.load(tmp_path / "bare.pt")
    torch.testing.assert_close(bare["pet"], unmerged.logits["pet"], rtol=0, atol=1e-5)
    torch.testing.assert_close(bare["plain"], unmerged.last_hidden_state, rtol=0, atol=1e-5)


def test_new_adapters_change_no_answer(new_model):
    model = new_model(PET).eval()
    before = model.predict("a cat")
    add_lora(model, lora_settings({}))

    assert model.predict("a cat") == before


@pytest.mark.parametrize("backbone", ARCHITECTURES)
def test_adapters_freeze_and_thaw_with_their_layer(backbone, new_model, trainer_for):
    def after(steps):
        model = new_model(PET, LOUD, backbone=backbone)
        trainer = trainer_for(model, ROWS, max_steps=steps, lora=LORA, thaw_every_steps=2, **STEADY)
        before = weights(model)
        trainer.train()
        return {name for name in moved(before, weights(model)) if name.startswith("backbone.")}

    assert after(2) == set()
    # ALBERT's one group of weights is as deep as its last use.
    tops = {name for name in after(3) if ".1." in name or ".albert_layer_groups." in name}
    assert tops == after(3) == of_adapters(tops) != set()
    assert after(5) == of_adapters(after(5)) > tops or backbone == "ALBERT"


def test_a_rule_that_never_holds_changes_nothing(new_model, trainer_for):
    runs = []
    for freeze in (None, [{"part": "heads", "from_step": 9}]):
        model = new_model(PET, LOUD)
        trainer_for(model, ROWS, max_steps=2, lora=LORA, freeze=freeze, **STEADY).train()
        runs.append(weights(model))

    # Were there gradients of the backbone's own weights, they would count when gradients are clipped.
    assert moved(*runs) == set()


@pytest.mark.parametrize("backbone", ARCHITECTURES)
def test_resuming_in_the_middle_of_thawing_ends_bit_equal(backbone, new_model, trainer_for, tmp_path):
    options = {"max_steps": 6, "save_strategy": "steps", "save_steps": 1, "save_total_limit": None, "lora": LORA}
    options |= {"thaw_every_steps": 2, "layer_decay": 0.8, **STEADY}
    model = new_model(PET, LOUD, backbone=backbone, dropout=0.2)
    trainer_for(model, ROWS, **options).train()
    expected = weights(model)

    other = new_model(PET, LOUD, backbone=backbone, seed=7, dropout=0.2)
    trainer = trainer_for(other, ROWS, **options)
    trainer.train(resume_from_checkpoint=str(tmp_path / "run" / "checkpoint-3"))
    assert moved(expected, weights(other)) == set()


def test_the_best_epoch_comes_back_with_its_adapters(new_model, trainer_for, monkeypatch):
    scores = iter([0.9, 0.1, 0.2])
    monkeypatch.setattr("polyhead.training.trainer.flat_metrics", lambda *_: {"eval_score": next(scores)})
    options = {"save_strategy": "epoch", "eval_strategy": "epoch", "load_best_model_at_end": True, "lora": LORA}
    model = new_model(PET, LOUD)
    trainer_for(model, ROWS, ROWS, num_train_epochs=3, **options, **STEADY).train()

    shorter = new_model(PET, LOUD)
    trainer_for(shorter, ROWS, num_train_epochs=1, lora=LORA, **STEADY).train()
    assert moved(weights(shorter), weights(model)) == set()


def test_rates_go_by_the_depth_of_the_adapted_layer_and_base_weights_are_in_no_group(new_model):
    model = new_model(PET)
    add_lora(model, lora_settings({}))
    groups = parameter_groups(model, 1.0, 0.1, {"heads": 3.0, "*.lora_B.*": 5.0}, layer_decay=0.5)
    held = {id(parameter): group["lr"] for group in groups for parameter in group["params"]}
    rates = {name: held.get(id(parameter)) for name, parameter in model.named_parameters()}

    layer = "backbone.encoder.layer.{}.attention.self.query.{}.weight"
    assert [rates[layer.format(number, "lora_A.default")] for number in (0, 1)] == [0.5, 1.0]
    assert rates[layer.format(0, "lora_B.default")] == 5.0
    assert rates["polyhead.heads.pet.output.weight"] == 3.0
    assert {name for name, rate in rates.items() if rate is None} == {
        name for name in rates if name.startswith("backbone.") and ".lora_" not in name
    }


def test_the_plan_counts_what_learns(new_model, trainer_for):
    model = new_model(PET)
    sizes = sum(parameter.numel() for parameter in model.parameters())
    plan = plan_run(trainer_for(model, ROWS, max_steps=2, lora={"rank": 3}, **STEADY), num_timed_steps=0)

    adapters = 2 * 2 * 2 * 3 * 32  # layers, modules, matrices, rank, hidden size
    heads = 32 * 3 + 3
    assert sum(group.num_parameters for group in plan.groups) == adapters + heads
    assert plan.memory_bytes == 4 * (sizes + adapters + 3 * (adapters + heads))


@pytest.mark.parametrize(("freeze", "is_on"), [([], True), ([{"part": "backbone"}], False)])
def test_dropout_is_off_in_what_rules_freeze_and_on_around_adapters(freeze, is_on, new_model, trainer_for):
    model = new_model(PET, dropout=0.5)
    seen = []
    model.backbone.embeddings.dropout.register_forward_hook(lambda module, *_: seen.append(module.training))
    freeze = [*freeze, {"part": "heads", "from_step": 1}]  # with a rule in any case
    trainer_for(model, ROWS, max_steps=1, lora=LORA, freeze=freeze, **STEADY).train()

    assert seen == [is_on]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"lora_alpha": 3}, r"'lora_alpha' is unknown; closest is 'alpha'"),
        ({"rank": 0}, r"lora.rank: 0 is no whole number above 0"),
        ({"alpha": "x"}, r"lora.alpha: 'x' is no number above 0"),
        ({"dropout": 1}, r"lora.dropout: 1 is not in \[0, 1\)"),
        ({"target_modules": "query"}, r"'query' came; write a list, or all-linear"),
        ({"target_modules": ["qery"]}, r"target_modules: 'qery' is no linear layer.*closest is 'query'"),
        ({"exclude_modules": ["q"]}, r"exclude_modules: 'q' is no linear layer"),
        ({"layers_to_transform": [2]}, r"no layer 2; the backbone has layers 0 to 1"),
    ],
)
def test_a_setting_that_cannot_hold_is_refused(fields, message, new_model, trainer_for):
    with pytest.raises(ValueError, match=message):
        trainer_for(new_model(PET), ROWS, lora=fields)


def test_without_peft_the_extra_is_named(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"pip install 'polyhead\[lora\]'"):
        lora_settings({})


# peft's own, with transformers 5.23.
@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")
def test_adapters_put_around_or_into_the_whole_model_are_refused_with_a_reason(new_model, trainer_for):
    into = new_model(PET)
    into.add_adapter(peft.LoraConfig(target_modules=["query"]))
    around = peft.get_peft_model(new_model(PET), peft.LoraConfig(target_modules=["query"]))
    for model in (around, into):
        with pytest.raises(ValueError, match=r"they would hide or freeze the heads.*set `lora`"):
            trainer_for(model, ROWS)


def test_a_model_that_is_not_merged_is_not_saved(new_model, tmp_path):
    model = new_model(PET)
    add_lora(model, lora_settings({}))
    with pytest.raises(ValueError, match=r"adapters that are not merged.*merge_lora"):
        model.save_pretrained(tmp_path / "saved")


def test_a_running_checkpoint_goes_on_with_the_same_settings_alone(new_model, trainer_for, tmp_path):
    options = {"max_steps": 1, "save_strategy": "steps", "save_steps": 1, **STEADY}
    trainer_for(new_model(PET), [row("a cat", pet=0)], lora={}, **options).train()
    checkpoint = tmp_path / "run" / "checkpoint-1"

    refuse_other_run(checkpoint, trainer_for(new_model(PET), [row("a cat", pet=0)], lora={"rank": 8}).run_facts())
    for lora in (None, {"rank": 4}):
        other = trainer_for(new_model(PET), [row("a cat", pet=0)], lora=lora)
        with pytest.raises(ValueError, match=r"was trained with lora .*'rank': 8"):
            refuse_other_run(checkpoint, other.run_facts())
    assert not (checkpoint / "config.json").exists()  # nobody takes it for a model
