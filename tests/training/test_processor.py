import platform

import pytest
import torch

from polyhead.training.processor import processor_has_bfloat16, processor_name, warn_of_slow_bfloat16

MULTIPLIES = "flags\t\t: fpu avx2 avx512_bf16\n"
ROUNDS = "flags\t\t: fpu avx2 avx512_vnni\n"


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (MULTIPLIES, True),
        ("flags\t\t: fpu avx2 amx_bf16 amx_tile\n", True),
        (ROUNDS, False),
        ("Features\t: fp asimd bf16\n", True),
        ("model name\t: bf16\n", False),
    ],
)
def test_the_processor_tells_whether_it_multiplies_bfloat16(tmp_path, facts, expected):
    (tmp_path / "cpuinfo").write_text(facts)
    assert processor_has_bfloat16(tmp_path / "cpuinfo") is expected
    assert not processor_has_bfloat16(tmp_path / "absent")


def test_the_processor_tells_its_name_and_where_it_does_not_its_architecture(tmp_path):
    (tmp_path / "cpuinfo").write_text("vendor_id\t: A\nmodel name\t: Some Processor @ 2 GHz\n" * 2)
    assert processor_name(tmp_path / "cpuinfo") == "Some Processor @ 2 GHz"
    assert processor_name(tmp_path / "absent") in (platform.processor(), platform.machine())


def test_bfloat16_on_a_processor_that_only_rounds_to_it_is_warned_of(tmp_path, caplog):
    (tmp_path / "cpuinfo").write_text(MULTIPLIES)
    warn_of_slow_bfloat16(tmp_path / "cpuinfo")
    assert not caplog.text

    (tmp_path / "cpuinfo").write_text(ROUNDS)
    warn_of_slow_bfloat16(tmp_path / "cpuinfo")
    assert "slower than in float32" in caplog.text


def test_bfloat16_needs_no_further_word_where_there_is_no_accelerator(arguments):
    made = arguments(bf16=True, use_cpu=False)

    assert made.use_cpu is not torch.accelerator.is_available()
