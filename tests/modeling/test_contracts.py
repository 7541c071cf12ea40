"""What holds for every head and every pooling: one test a promise, so that a failure names the promise and the case."""

import numpy as np
import pytest
import torch

TEXTS = ["the cat sat, far away!", "a dog", "hi", "the the the cat ran on and on and on.", "dog, dog, dog", "b"]
SHORT, LONG = "a dog ran", "the cat sat on a mat and then it ran on and on"
TOLERANCE = 1e-6


def pairs(texts):
    return list(zip(texts, texts[::-1], strict=True))


def run(model, task, texts):
    """Return the task's logits for texts, each (..., num_logits), in their order and without their padding."""
    first = model.tokenizer([text for text, _ in texts] if task.is_pair else texts)["input_ids"]
    logits = [None] * len(texts)
    second = [text for _, text in texts] if task.is_pair else None
    firsts = [text for text, _ in texts] if task.is_pair else texts
    for rows, _, output in model.run_batches(firsts, second, [task.name], batch_size=len(texts)):
        for row, values in zip(rows, output.logits[task.name], strict=True):
            logits[row] = values[: len(first[row])] if task.is_token else values
    return logits


def test_the_answer_to_a_text_does_not_depend_on_its_batch(make_model, head_task):
    model = make_model([head_task])
    texts = [(SHORT, LONG), (LONG, SHORT), (SHORT, SHORT)] if head_task.is_pair else [SHORT, LONG, "hi"]
    together = run(model, head_task, texts)
    for text, beside in zip(texts, together, strict=True):
        (alone,) = run(model, head_task, [text])
        torch.testing.assert_close(beside, alone, rtol=TOLERANCE, atol=TOLERANCE)
        assert torch.equal(beside.argmax(-1), alone.argmax(-1))


def test_the_embedding_of_a_text_does_not_depend_on_its_batch(make_model, pooling_settings):
    model = make_model(**pooling_settings)
    together = model.encode([SHORT, LONG, "hi"], batch_size=3)
    for text, beside in zip([SHORT, LONG, "hi"], together, strict=True):
        np.testing.assert_allclose(beside, model.encode(text), rtol=TOLERANCE, atol=TOLERANCE)


def test_the_embedding_of_a_text_does_not_depend_on_its_batch_in_any_architecture(make_model, backbone_name):
    model = make_model(backbone=backbone_name)
    together = model.encode([SHORT, LONG, "hi"], batch_size=3)
    for text, beside in zip([SHORT, LONG, "hi"], together, strict=True):
        np.testing.assert_allclose(beside, model.encode(text), rtol=TOLERANCE, atol=TOLERANCE)


@pytest.mark.parametrize("filler", [0, 7])
def test_what_stands_at_the_padding_does_not_matter(make_model, pooling_settings, all_tasks, filler):
    model = make_model([task for task in all_tasks() if not task.is_pair], **pooling_settings)
    ids = torch.randint(5, 64, (2, 6))
    padded = torch.cat([ids, torch.full((2, 3), filler)], dim=1)
    mask = torch.tensor([[1] * 6 + [0] * 3] * 2)
    with torch.no_grad():
        bare, wide = model(ids), model(padded, mask)
    torch.testing.assert_close(wide.sentence_embedding, bare.sentence_embedding, rtol=TOLERANCE, atol=TOLERANCE)
    for name, logits in bare.logits.items():
        same = wide.logits[name][:, :6] if name == "slots" else wide.logits[name]
        torch.testing.assert_close(same, logits, rtol=TOLERANCE, atol=TOLERANCE)


def test_every_parameter_of_a_head_gets_a_gradient(make_model, head_task, four_rows):
    inputs, labels = four_rows(head_task)
    model = make_model([head_task]).train()
    model(**inputs, labels={"task": labels}).loss.backward()
    silent = [name for name, weights in model.polyhead.named_parameters() if not weights.grad.abs().sum() > 0]
    assert silent == []
    assert model.backbone.embeddings.word_embeddings.weight.grad.abs().sum() > 0


def test_every_parameter_between_backbone_and_head_gets_a_gradient(make_model, pooling_settings, all_tasks, four_rows):
    task = all_tasks()[0]
    inputs, labels = four_rows(task)
    model = make_model([task], **pooling_settings).train()
    model(**inputs, labels={task.name: labels}).loss.backward()
    assert [name for name, weights in model.polyhead.named_parameters() if not weights.grad.abs().sum() > 0] == []


def test_answers_stand_in_the_order_of_the_texts(make_model, head_task):
    model = make_model([head_task])
    texts = pairs(TEXTS) if head_task.is_pair else TEXTS
    together = model.predict(texts, batch_size=2)["task"]
    assert together == [_close(model.predict([text])["task"][0]) for text in texts]


def test_embeddings_stand_in_the_order_of_the_texts(make_model, pooling_settings):
    model = make_model(**pooling_settings)
    alone = np.stack([model.encode(text) for text in TEXTS])
    np.testing.assert_allclose(model.encode(TEXTS, batch_size=2), alone, rtol=TOLERANCE, atol=TOLERANCE)
    np.testing.assert_allclose(model.encode(TEXTS[::-1], batch_size=2), alone[::-1], rtol=TOLERANCE, atol=TOLERANCE)


@pytest.mark.parametrize("batch_size", [1, 2, 5, 100])
def test_the_batch_size_does_not_change_embeddings(make_model, pooling_settings, batch_size):
    model = make_model(**pooling_settings)
    expected = model.encode(TEXTS)
    np.testing.assert_allclose(model.encode(TEXTS, batch_size=batch_size), expected, rtol=TOLERANCE, atol=TOLERANCE)


@pytest.mark.parametrize("batch_size", [1, 4])
def test_the_batch_size_does_not_change_answers(make_model, head_task, batch_size):
    model = make_model([head_task])
    texts = pairs(TEXTS) if head_task.is_pair else TEXTS
    expected = model.predict(texts)["task"]
    assert model.predict(texts, batch_size=batch_size)["task"] == [_close(answer) for answer in expected]


def _close(answer):
    """The same answer, its numbers within the tolerance."""
    if isinstance(answer, dict):
        return {key: _close(value) for key, value in answer.items()}
    if isinstance(answer, list):
        return [_close(value) for value in answer]
    return pytest.approx(answer, rel=2 * TOLERANCE, abs=2 * TOLERANCE) if isinstance(answer, float) else answer
