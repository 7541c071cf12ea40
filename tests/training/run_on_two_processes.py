"""Train what a JSON file describes, run by run; under `torchrun`, on as many processes as it starts.

Not a test: `test_trainer_processes.py` starts it, and compares what it leaves.
"""

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file

from polyhead.modeling.modeling_polyhead import PolyheadModel
from polyhead.training.arguments import PolyheadTrainingArguments
from polyhead.training.data.examples import MultiTaskDataset
from polyhead.training.data.row_stream import RowStream
from polyhead.training.data.rows import read_rows
from polyhead.training.data.streaming_dataset import StreamingDataset
from polyhead.training.recipe.recipe_sections import DataSource
from polyhead.training.trainer import PolyheadTrainer


def train(folder, name, arguments, resume=None, model="BERT", measure=False, streams=()):
    rows = json.loads((folder / "rows.json").read_text())
    for row in (row for source in rows.values() for row in source):
        if isinstance(row.get("text"), list):
            row["text"] = tuple(row["text"])
    model = PolyheadModel.from_pretrained(folder / model)
    tasks = model.config.tasks
    streamed = [DataSource.model_validate(fields, context={"folder": folder}) for fields in streams]
    rows |= {source.name: read_rows(source, "train", tasks) for source in streamed}
    dataset = MultiTaskDataset(rows, tasks, model.tokenizer, model.max_length)
    if streamed:
        streamed = {source.name: RowStream(source, tasks) for source in streamed}
        dataset = StreamingDataset(dataset, streamed, model.tokenizer, model.max_length)
    fields = {"disable_tqdm": True, "use_cpu": True, "load_best_model_at_end": False, "eval_strategy": "no"}
    arguments = PolyheadTrainingArguments(str(folder / name), **{"save_strategy": "no", **fields, **arguments})
    seen, measured = [], []
    answer = model.run_tokenized
    model.run_tokenized = lambda texts, *rest, **options: measured.append(len(texts)) or answer(texts, *rest, **options)
    trainer = PolyheadTrainer(model, arguments, train_dataset=dataset, eval_dataset=dataset if measure else None)
    collate = trainer.data_collator
    trainer.data_collator = lambda examples: seen.append([example.where for example in examples]) or collate(examples)
    if resume:
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(1.0)
    trainer.train(resume_from_checkpoint=str(folder / resume) if resume else None)
    own = folder / f"{name}-{arguments.process_index}"
    save_file({name: weight.detach().clone() for name, weight in model.named_parameters()}, f"{own}.safetensors")
    own.with_suffix(".json").write_text(
        json.dumps({"logs": trainer.state.log_history, "seen": seen, "measured": measured})
    )
    trainer.accelerator.wait_for_everyone()
    trainer.accelerator.free_memory()


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    for run in json.loads((folder / sys.argv[2]).read_text()):
        train(folder, **run)
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
