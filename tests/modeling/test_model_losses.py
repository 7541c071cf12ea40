import torch

from polyhead.configuration.tasks_polyhead import TaskConfig

SPORTS = TaskConfig(name="topic", kind="single_label_classification", labels=["Science", "Sports"])


def test_the_loss_is_the_weighted_sum_over_tasks(make_model, inputs):
    tasks = [
        TaskConfig(name="one", kind="regression", weight=0.5),
        TaskConfig(name="two", kind="regression", weight=3.0),
        TaskConfig(name="off", kind="regression", weight=0.0),
    ]
    output = make_model(tasks)(inputs["input_ids"], labels={task.name: torch.ones(3) for task in tasks})
    assert list(output.losses) == ["one", "two", "off"]
    expected = 0.5 * output.losses["one"] + 3.0 * output.losses["two"]
    torch.testing.assert_close(output.loss, expected)
    assert output.losses["off"] > 0


def test_a_missing_label_neither_adds_to_the_loss_nor_thins_it(make_model, kind_task, four_rows):
    inputs, labels = four_rows(kind_task)
    model = make_model([kind_task])
    with_missing = model(**inputs, labels={"task": labels})
    first_two = {name: tensor[:2] for name, tensor in inputs.items()}
    without = model(**first_two, labels={"task": labels[:2]})
    torch.testing.assert_close(with_missing.losses["task"], without.losses["task"])
    assert with_missing.loss > 0


def test_a_row_without_a_label_sends_no_gradient(make_model, kind_task, four_rows):
    inputs, labels = four_rows(kind_task)
    model = make_model([kind_task])
    vectors = model.backbone.embeddings.word_embeddings(inputs.pop("input_ids")).detach().requires_grad_()
    model(inputs_embeds=vectors, **inputs, labels={"task": labels}).loss.backward()
    assert (vectors.grad[:2].flatten(1).abs().sum(1) > 0).all()
    assert (vectors.grad[2:] == 0).all()


def test_a_batch_without_any_label_has_loss_zero_and_still_a_gradient(make_model, kind_task, four_rows):
    inputs, labels = four_rows(kind_task)
    model = make_model([kind_task])
    last_two = {name: tensor[2:] for name, tensor in inputs.items()}
    output = model(**last_two, labels={"task": labels[2:]})
    output.loss.backward()
    assert (output.loss.item(), output.losses) == (0.0, {})
    assert model.backbone.embeddings.word_embeddings.weight.grad.abs().sum() == 0


def test_labels_may_cover_some_of_the_tasks(tiny_model, inputs):
    output = tiny_model(**inputs, labels={"topic": torch.tensor([0, 1, 2]), "toxic": None})
    assert list(output.losses) == ["topic"]


def test_a_loss_can_be_divided_by_the_items_of_more_than_this_batch(make_model, kind_task, four_rows):
    inputs, labels = four_rows(kind_task)
    model = make_model([kind_task])
    labelled = 6 if kind_task.is_token else 2
    alone = model(**inputs, labels={"task": labels}).loss
    shared = model(**inputs, labels={"task": labels}, num_items={"task": torch.tensor(4 * labelled)}).loss
    torch.testing.assert_close(shared, alone / 4)


def test_training_under_autocast_gives_finite_losses(make_model, kind_task, four_rows):
    inputs, labels = four_rows(kind_task)
    model = make_model([kind_task]).train()
    with torch.autocast("cpu", torch.bfloat16):
        loss = model(**inputs, labels={"task": labels}).loss
    loss.backward()
    assert loss.dtype == torch.float32
    assert all(weights.grad.isfinite().all() for weights in model.parameters() if weights.grad is not None)


def test_gradient_checkpointing_leaves_gradients_as_they_are(make_model, inputs):
    gradients = []
    for checkpointing in (False, True):
        model = make_model([SPORTS], hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0).train()
        model.polyhead.eval()
        if checkpointing:
            # Before transformers 5.20 or so, the second name is the only one.
            enable = getattr(model, "activation_checkpointing_enable", None) or model.gradient_checkpointing_enable
            enable({"use_reentrant": False})
        model(**inputs, labels={"topic": torch.tensor([0, 1, 0])}).loss.backward()
        gradients.append(model.backbone.embeddings.word_embeddings.weight.grad)
    torch.testing.assert_close(gradients[0], gradients[1])
    assert gradients[0].abs().sum() > 0
