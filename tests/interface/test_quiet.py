import logging

import pytest

from polyhead.quiet import is_worth_telling

REPORT = "\x1b[1mBertModel LOAD REPORT\x1b[0m from: x\nKey | Status |\n----+----+\n{row}\n\nNotes:\n- MISSING:\tnew"


def record(message):
    return logging.LogRecord("transformers", logging.WARNING, "", 0, message, None, None)


@pytest.mark.parametrize(
    "row", ["cls.predictions.bias | UNEXPECTED | |", "pooler.dense.weight | \x1b[31mMISSING\x1b[0m |"]
)
def test_load_report_is_silent_about_what_the_encoder_does_not_use(row):
    assert not is_worth_telling(record(REPORT.format(row=row)))


@pytest.mark.parametrize("status", ["MISSING", "MISMATCH"])
def test_load_report_about_weights_of_the_encoder_is_told(status):
    assert is_worth_telling(record(REPORT.format(row=f"encoder.layer.0.attention.weight | \x1b[31m{status}\x1b[0m |")))


def test_other_warnings_are_told():
    assert is_worth_telling(record("3 of 9 texts were longer than 8 tokens and were cut."))
