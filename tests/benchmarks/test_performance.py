"""Some subjects measured anew join those that were measured before."""

from performance import join

EARLIER = {
    "date": "2026-11-20", "is_quick": False, "minutes": 27.0, "machine": {"cores": 2}, "versions": {"torch": "2.13"},
    "subjects": {"encoding": {"seconds": 1.0}, "growth": {"error": "stopped"}},
}  # fmt: skip
AGAIN = EARLIER | {"date": "2026-11-21", "minutes": 3.0, "subjects": {"growth": {"seconds": 2.0}}}


def test_a_subject_measured_anew_takes_the_place_of_the_earlier_one():
    joined = join(EARLIER, AGAIN)

    assert joined["subjects"] == {"encoding": {"seconds": 1.0}, "growth": {"seconds": 2.0}}
    assert (joined["date"], joined["minutes"]) == ("2026-11-21", 30.0)


def test_what_another_machine_has_measured_is_not_joined():
    assert join(EARLIER | {"machine": {"cores": 8}}, AGAIN) == AGAIN
