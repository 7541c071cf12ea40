"""Whatever a user gets wrong in recipes and data: exit code 2, and a message that says what came, where, and how to mend it."""

import pytest

from .conftest import RECIPE, recipe, rows

TRAIN = "train recipe.yaml --output out"
CSV = {"recipe.yaml": RECIPE.replace("train.jsonl", "train.csv")}
TOKENS = RECIPE.replace("text: text", "words: words").replace(
    "mood, kind: regression", "mood, kind: token_classification"
)
PAIRS = """\
model: {from_scratch: {model_type: bert}}
tasks: [{name: mood, kind: pair_similarity, value_range: [0, 5]}]
data: [{name: tiny, train: train.jsonl, text: [a, b], labels: {mood: mood}}]
"""
TINY_BERT = "{model_type: bert, num_hidden_layers: 1, hidden_size: 32, num_attention_heads: 2, intermediate_size: 32}"
ANSWERS = (
    PAIRS.replace("{model_type: bert}", TINY_BERT)
    .replace("value_range: [0, 5]", "loss: multiple_negatives_ranking")
    .replace("{mood: mood}", "{mood: null}")
)
STREAM = (
    RECIPE.replace("name: tiny,", "name: tiny, streaming: true, first_rows: 2,")
    .replace("train.jsonl,", "rows.jsonl,", 1)
    .replace("num_train_epochs: 2", "max_steps: 3")
)
SOUND = '{"text": "a goal", "topic": "sport", "mood": 1}\n'
PAIR_ROWS = '{"a": "x", "b": "y"}\n{"a": "z", "b": "w"}\n'


# Name of the mistake: files that differ from the sound ones, the command, and parts of the message:
# what came, where it came, how to mend it. TRAINED and ALL_KINDS stand for the folders of two models.
# fmt: off
MISTAKES = {
    # The recipe.
    "misspelt key": (recipe("prompts:", "promps:"), TRAIN, "unknown key", "model.promps", "closest is 'prompts'"),
    "empty recipe": ({"recipe.yaml": ""}, TRAIN, "is empty", "recipe.yaml", "write the sections model"),
    "binary recipe": ({"recipe.yaml": b"\x80\x81\xff"}, TRAIN, "byte 0 is not UTF-8", "recipe.yaml", "save the recipe"),
    "NUL in the recipe": ({"recipe.yaml": "model: \0"}, TRAIN, "not text", "recipe.yaml", "write the recipe as plain"),
    "a directory as recipe": ({}, "train . --output out", "is a directory", ".: 1 problem", "name the recipe file"),
    "a recipe that is not there": ({}, "train no.yaml --output out", "no such file", "no.yaml", "check the path"),
    "YAML syntax": (recipe("tasks:", "tasks: ["), TRAIN, "expected", "line 5", "write plain YAML"),
    "a YAML tag": (recipe("2,", "!!python/object:os.system 2,"), TRAIN, "python/object", "line 9", "write plain YAML"),
    "a key twice": (
        recipe("train: {", "train: {seed: 1, seed: 2, "), TRAIN, "'seed' stands twice", "line 9", "keep one"),
    "unknown kind": (recipe("regression", "regresion"), TRAIN, "'regresion'", "tasks.mood.kind", "one of"),
    "unknown pooling": (recipe("prompts", "pooling: men\n  prompts"), TRAIN, "'men'", "model.pooling", "is 'mean'"),
    "unknown architecture": (recipe("bert,", "bertt,"), TRAIN, "'bertt'", "model.from_scratch.model_type", "'bert'"),
    "impossible architecture": (
        recipe("heads: 2", "heads: 3"), TRAIN, "not a multiple", "recipe.yaml", "correct section model"),
    "wrong type": (recipe("epochs: 2", "epochs: two"), TRAIN, "'two' came", "train.num_train_epochs", "write a number"),
    "arguments at odds": (
        recipe("epochs: 2", "epochs: 2, save_strategy: steps"), TRAIN, "save", "section train of recipe", "correct"),
    "a task without data": (recipe(", mood: mood}", "}"), TRAIN, "no data set labels it", "tasks.mood", "add `labels"),
    "unknown --set key": ({}, f"{TRAIN} --set train.sed=1", "unknown key", "train.sed", "closest is 'seed'"),
    "unknown --set item": ({}, f"{TRAIN} --set tasks.moot.weight=1", "'moot'", "--set tasks.moot", "closest is 'mood'"),
    "--set without =": ({}, f"{TRAIN} --set train.seed", "not of the form", "--set train.seed", "write for example"),
    "max_length above the positions": (
        recipe("prompts", "max_length: 999\n  prompts"),
        TRAIN, "max_length 999", "section model of recipe.yaml", "Lower it"),
    "a backbone out of reach": (
        {"recipe.yaml": "model: {backbone: me/bertt}\n" + RECIPE[RECIPE.index("tasks:"):]},
        TRAIN, "'me/bertt' cannot be loaded", "section model of recipe.yaml", "Check the spelling"),
    "a checkpoint that is not there": (
        {"recipe.yaml": "model: {checkpoint: ./none}\n" + RECIPE[RECIPE.index("tasks:"):]},
        TRAIN, "no folder", "model.checkpoint of recipe.yaml", "give a folder"),
    "retaining what is no task": (
        recipe("train: {", "train: {retain: {tasks: [moot]}, "), TRAIN, "'moot'", "train.retain.tasks", "Its tasks: "),
    "a misspelt key of retain": (
        recipe("train: {", "train: {retain: {task: [mood]}, "), TRAIN, "unknown key", "retain.task", "closest is 'tasks'"),
    # The data.
    "missing data file": (recipe("train: train", "train: no"), TRAIN, "does not exist", "data.tiny.train", "correct"),
    "missing column": (recipe("text: text", "text: txt"), TRAIN, "no such column", "column 'txt'", "closest is 'text'"),
    "wrong label": (rows(topic="sprot"), TRAIN, "'sprot' is not a label", "train.jsonl:2 column 'topic'", "is 'sport'"),
    "label of the wrong type": (
        rows(mood="high"), TRAIN, "'high' came", "train.jsonl:2 column 'mood'", "write a number"),
    "text of the wrong type": (rows(text=5), TRAIN, "int 5 came", "train.jsonl:2 column 'text'", "write text"),
    "blank text": (rows(text=" \u200b"), TRAIN, "blank text", "train.jsonl:2 column 'text'", "fill it in or remove"),
    "not JSON": ({"train.jsonl": '{"text": 1,}\n'}, TRAIN, "not JSON", "train.jsonl:1", "write one object a line"),
    "no usable label": (
        {"train.jsonl": '{"text": "a", "topic": null, "mood": 1}\n'},
        TRAIN, "all values are missing", "tasks.topic", "correct the column or remove the task"),
    "label out of range": (
        {"recipe.yaml": PAIRS, "train.jsonl": '{"a": "x", "b": "y", "mood": 7}\n{"a": "x", "b": "y", "mood": 2}\n'},
        TRAIN, "7.0 is outside", "train.jsonl:1 column 'mood'", "correct it, or the range"),
    "contrastive loss on the wrong kind": (
        recipe("kind: regression", "kind: regression, loss: multiple_negatives_ranking"),
        TRAIN, "'multiple_negatives_ranking' is not one of", "tasks.mood.loss", "mse, huber, mae"),
    "no column for a scored loss": (
        {"recipe.yaml": PAIRS.replace("{mood: mood}", "{mood: null}")},
        TRAIN, "no column came", "data.tiny.labels.mood", "or train the task with `loss: multiple_negatives_ranking`"),
    "scores for pairs without scores": (
        {"recipe.yaml": ANSWERS.replace("ranking", "ranking, metric: spearman")},
        TRAIN, "'spearman' is no metric of pair_similarity with loss multiple", "tasks.mood.metric", "one of mrr"),
    "batches of one pair": (
        {"recipe.yaml": ANSWERS + "train: {per_device_train_batch_size: 1}\n", "train.jsonl": PAIR_ROWS},
        TRAIN, "batches of 1 row", "data set 'tiny'", "Raise train.per_device_train_batch_size"),
    "Matryoshka on a task with a head": (
        recipe("kind: regression", "kind: regression, matryoshka_dims: [8]"),
        TRAIN, "regression does not read it", "tasks.mood.matryoshka_dims", "leave it out"),
    "Matryoshka beyond the embedding": (
        {"recipe.yaml": ANSWERS.replace("ranking", "ranking, matryoshka_dims: [999]"), "train.jsonl": PAIR_ROWS},
        TRAIN, "999 is more than the 32 dimensions", "'matryoshka_dims'", "from 1 to 32"),
    "tags of another length": (
        {"recipe.yaml": TOKENS, "train.jsonl": '{"words": ["a", "b"], "topic": "sport", "mood": ["O"]}\n'},
        TRAIN, "1 tags came for 2 words", "train.jsonl:1 column 'mood'", "write one tag a word"),
    "ragged CSV": (
        CSV | {"train.csv": "text,topic,mood\na,sport,1\na,b,sport,1\n"},
        TRAIN, "4 cells where the header has 3", "train.csv:3", "quote cells"),
    "CSV with semicolons": (
        CSV | {"train.csv": "text;topic;mood\na;sport;1\n"},
        TRAIN, "one column", "train.csv:1", "write `delimiter: ';'`"),
    "CSV in latin-1": (
        CSV | {"train.csv": "text,topic,mood\ncafé,sport,1\n".encode("latin-1")},
        TRAIN, "byte 0xe9", "train.csv:2", "encoding: latin-1"),
    # Streams.
    "a stream without max_steps": (
        {"recipe.yaml": STREAM.replace("max_steps: 3, ", "")},
        TRAIN, "max_steps: missing", "data set 'tiny' is a stream", "add `max_steps: 1000`"),
    "a stream with epochs": (
        {"recipe.yaml": STREAM.replace("max_steps: 3", "max_steps: 3, num_train_epochs: 2")},
        TRAIN, "num_train_epochs: 2 came", "train.num", "leave it out, max_steps says when"),
    "a stream measured by the epoch": (
        {"recipe.yaml": STREAM.replace("max_steps: 3", "max_steps: 3, eval_strategy: epoch")},
        TRAIN, "'epoch' came", "train.eval_strategy", "write `eval_strategy: steps` and `eval_steps: 500`"),
    "a stream that thaws by the epoch": (
        {"recipe.yaml": STREAM.replace("max_steps: 3", "max_steps: 3, freeze: [{part: heads, until_epoch: 1}]")},
        TRAIN, "until_epoch came", "train.freeze", "write until_step"),
    "a stream beside another data set": (
        {"recipe.yaml": STREAM.replace("train: {", "  - {name: b, train: b.jsonl, text: t, labels: {mood: m}}\ntrain: {")},
        TRAIN, "sampling_weights: missing", "train.sampling", "add `sampling_weights: {tiny: 1, b: 1}`"),
    "first_rows without a stream": (
        recipe("name: tiny", "name: tiny, first_rows: 5"),
        TRAIN, "first_rows came without a stream", "data.tiny", "add `streaming: true`"),
    "a stream without rows": (
        {"recipe.yaml": STREAM, "rows.jsonl": ""}, TRAIN, "no rows", "data.tiny.train", "needs at least one"),
    "a stream whose first rows have no label": (
        {"recipe.yaml": STREAM, "rows.jsonl": '{"text": "a", "topic": "sport", "mood": null}\n' * 3},
        TRAIN, "all values are missing", "tasks.mood", "raise first_rows"),
    "a stream whose first rows lack a column": (
        {"recipe.yaml": STREAM, "rows.jsonl": SOUND.replace("text", "txt") * 3},
        TRAIN, "no such column; closest is 'txt'", "rows.jsonl column 'text'", "raise first_rows"),
    "a wrong label late in a stream": (
        {"recipe.yaml": STREAM, "rows.jsonl": SOUND * 2 + '{"text": "a", "topic": "sprot", "mood": 1}\n'},
        f"{TRAIN} --no-check --set train.disable_tqdm=true",
        "'sprot' is not a label", "rows.jsonl:3 column 'topic'", "data.tiny.streaming=false` reads every row"),
}
# fmt: on


@pytest.mark.parametrize("name", MISTAKES)
def test_mistake_ends_with_exit_code_2_and_what_where_and_how(name, assert_mistake):
    assert_mistake(*MISTAKES[name])
