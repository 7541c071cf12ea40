import pytest
import torch

from polyhead.modeling.modeling_polyhead import PolyheadModel
from polyhead.training.optimization.freezing import parameters_of
from polyhead.training.optimization.reinitialisation import reinitialise

from ..conftest import LOUD, PET, moved, row, weights

ROWS = [row("a cat", pet=0, loud=0), row("a dog !", pet=1, loud=1), row("the", pet=2, loud=0), row("cat !", pet=0)]
RUN = {"learning_rate": 0.0, "max_steps": 1, "per_device_train_batch_size": 2}


def pretrained(new_model, backbone, folder, make_tokenizer):
    """A model on a backbone that was loaded from a file, every weight of which is 1."""
    inner = new_model(PET, backbone=backbone).backbone
    with torch.no_grad():
        for parameter in inner.parameters():
            parameter.fill_(1.0)
    inner.save_pretrained(folder)
    make_tokenizer().save_pretrained(folder)
    return PolyheadModel.from_backbone(str(folder), tasks=[PET, LOUD])


@pytest.mark.parametrize("backbone", ["BERT", "DistilBERT", "ModernBERT"])
def test_the_top_layer_of_a_loaded_backbone_is_drawn_anew_and_nothing_else(
    backbone, new_model, trainer_for, tmp_path, make_tokenizer
):
    model = pretrained(new_model, backbone, tmp_path / "backbone", make_tokenizer)
    before, top = weights(model), set(parameters_of(model, "layers.1"))
    trainer_for(model, ROWS, reinit_top_layers=1, **RUN).train()

    # Norms begin at 1, which is what they were.
    expected = {name for name in top if "norm" not in name.lower() or name.endswith("bias")}
    assert moved(before, weights(model)) == expected
    for name, weight in weights(model).items():
        if name in expected:
            if name.endswith("bias"):
                assert weight.abs().max() == 0
            else:
                assert 0.007 < weight.std() < 0.03  # initializer_range is 0.02; see the test of blocks below


@pytest.mark.parametrize(("num_layers", "untouched"), [(1, "layer.0."), (2, "embeddings.")])
def test_as_many_layers_as_asked_for(num_layers, untouched, new_model):
    model = new_model(PET)
    before = weights(model)
    reinitialise(model, num_layers, seed=5)
    changed = moved(before, weights(model))

    assert any("layer.1." in name for name in changed)
    assert any("layer.0." in name for name in changed) == (num_layers == 2)
    assert not any(untouched in name or name.startswith("polyhead.") for name in changed)


def test_the_seed_decides_the_weights_and_the_runs_own_numbers_go_on(new_model):
    found = {}
    for run, seed in (("first", 5), ("again", 5), ("other", 6)):
        model = new_model(PET)
        torch.manual_seed(len(run))
        state = torch.get_rng_state()
        reinitialise(model, 1, seed)
        assert torch.equal(torch.get_rng_state(), state)
        found[run] = weights(model)

    assert moved(found["first"], found["again"]) == set()
    assert moved(found["first"], found["other"])


def test_a_block_keeps_the_deviation_of_its_own(new_model):
    # ModernBERT draws what leaves a block smaller than what enters it: 0.02 / sqrt(2 * 2 layers). It cuts off beyond two
    # deviations, which leaves 0.88 of them.
    model = new_model(PET, backbone="ModernBERT")
    reinitialise(model, 1, seed=5)
    attention = model.backbone.layers[1].attn

    assert attention.Wqkv.weight.std().item() == pytest.approx(0.88 * 0.02, rel=0.1)
    assert attention.Wo.weight.std().item() == pytest.approx(0.88 * 0.01, rel=0.1)


def test_a_resumed_run_does_not_draw_again(new_model, trainer_for, tmp_path):
    fields = {**RUN, "learning_rate": 1e-2, "max_steps": 4, "reinit_top_layers": 1}
    fields |= {"save_strategy": "steps", "save_steps": 2, "save_total_limit": None}
    whole = new_model(PET, LOUD, dropout=0.2)
    trainer_for(whole, ROWS, output_dir=str(tmp_path / "a"), **fields).train()
    other = new_model(PET, LOUD, dropout=0.2, seed=7)
    trainer = trainer_for(other, ROWS, output_dir=str(tmp_path / "b"), **fields)
    trainer.train(resume_from_checkpoint=str(tmp_path / "a" / "checkpoint-2"))

    assert moved(weights(whole), weights(other)) == set()


def test_with_lora_it_is_refused_because_what_is_new_could_not_learn(new_model, trainer_for):
    with pytest.raises(
        ValueError, match=r"reinit_top_layers: with LoRA the backbone's own weights do not learn; leave"
    ):
        trainer_for(new_model(PET), ROWS, reinit_top_layers=1, lora={}, **RUN)


@pytest.mark.parametrize(
    ("backbone", "num_layers", "message"),
    [
        ("BERT", 3, r"reinit_top_layers: 3 came, but the backbone has 2 layers; give 1 to 2"),
        ("BERT", 0, r"reinit_top_layers: 0 came"),
        (
            "ALBERT",
            1,
            r"AlbertModel shares weights between its 2 layers, so a new top layer would be new below as well",
        ),
    ],
)
def test_what_cannot_be_is_refused_before_the_run(backbone, num_layers, message, new_model, trainer_for):
    with pytest.raises(ValueError, match=message):
        trainer_for(new_model(PET, backbone=backbone), ROWS, reinit_top_layers=num_layers, **RUN)
