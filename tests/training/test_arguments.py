import pytest

from polyhead.training.trainer import PolyheadTrainer

from .conftest import PET, as_dataset, row


def test_defaults_measure_save_and_keep_the_best_each_epoch(tmp_path):
    from polyhead.training.arguments import PolyheadTrainingArguments

    made = PolyheadTrainingArguments(str(tmp_path))

    assert (made.eval_strategy, made.save_strategy, made.load_best_model_at_end) == ("epoch", "epoch", True)
    assert (made.metric_for_best_model, made.greater_is_better) == ("score", True)
    assert made.logging_nan_inf_filter is False
    assert made.report_to == []


@pytest.mark.parametrize(
    ("metric", "higher"),
    [
        ("score", True),
        ("topic_accuracy", True),
        ("loss", False),
        ("eval_stars_mae", False),
        ("grade_ordinal_mae", False),
    ],
)
def test_whether_higher_is_better_follows_from_the_metric(arguments, metric, higher):
    assert arguments(metric_for_best_model=metric).greater_is_better is higher
    assert arguments(metric_for_best_model=metric, greater_is_better=True).greater_is_better is True


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"train_sampling_strategy": "sequential"}, "train_sampling_strategy: 'sequential'.*group_by_length, random"),
        ({"label_smoothing_factor": 0.1}, "label_smoothing_factor: 0.1 came.*`label_smoothing` of the tasks"),
        ({"dataloader_drop_last": True}, "dataloader_drop_last: True came.*every row"),
        ({"balance": "pcgrd"}, "balance: 'pcgrd' is no method; closest is 'pcgrad'"),
        ({"balance": "pcgrad", "torch_compile": True}, "balance: pcgrad came with .*torch_compile.*; set bf16 instead"),
        ({"interference_every_steps": 0}, "interference_every_steps: 0 is below 1; .*leave it out"),
        ({"push_to_hub": True}, "push_to_hub: say hub_private_repo: true or false"),
        (
            {"push_to_hub": True, "hub_private_repo": True, "hub_strategy": "every_save"},
            "hub_strategy: every_save.*pickles",
        ),
    ],
)
def test_what_would_have_no_effect_here_is_refused(arguments, fields, message):
    with pytest.raises(ValueError, match=message):
        arguments(**fields)


def test_of_several_gpus_one_is_used_because_labels_cannot_be_split(arguments, new_model):
    made = arguments()
    made._n_gpu = 2  # as on a machine with two
    model = new_model(PET)
    trainer = PolyheadTrainer(model, made, train_dataset=as_dataset(model, [row("cat", pet=0)]))

    assert trainer.args.n_gpu == 1
