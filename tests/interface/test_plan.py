import json

ROUNDED = ("--set", "train.bf16=true", "--timed-steps", 0)  # else some processors have advice of their own
SLOW_HEADS = ("--set", "train.freeze=[{part: backbone}]", "--set", "train.learning_rate=1e-3", *ROUNDED)


def test_advice_stands_under_the_plan_and_in_its_json(polyhead, folder):
    shown = polyhead("plan", "recipe.yaml", *SLOW_HEADS)
    told = json.loads(polyhead("plan", "recipe.yaml", *SLOW_HEADS, "--json").stdout)

    assert [sentence[:17] for sentence in told["advice"]] == ["heads alone train", "the lowest layers"]
    assert [line for line in shown.stdout.splitlines() if line.startswith("advice: ")] == [
        f"advice: {sentence}" for sentence in told["advice"]
    ]


def test_a_plan_without_advice_has_an_empty_list(polyhead, folder):
    result = polyhead("plan", "recipe.yaml", *ROUNDED, "--json")

    assert json.loads(result.stdout)["advice"] == []
