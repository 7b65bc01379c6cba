"""At most one unfinished job has a key."""

from aqueue.model.unique import Claim, held, sift


def test_without_keys_all_are_made() -> None:
    sifted = sift([None, None], {})
    assert (sifted.made, sifted.existing, sifted.ids(["1", "2"])) == ([0, 1], [], ["1", "2"])


def test_whose_key_is_held_is_not_made_and_has_the_id_of_the_holder() -> None:
    sifted = sift(["a", None, "b", "c"], {"a": "7", "c": "c-1"})
    assert (sifted.made, sifted.existing, sifted.ids(["8", "9"])) == ([1, 2], [0, 3], ["7", "8", "9", "c-1"])


def test_the_first_of_a_batch_holds_the_key_for_the_others() -> None:
    sifted = sift(["a", "b", "a", None, "a", "b"], {})
    assert (sifted.made, sifted.existing) == ([0, 1, 3], [2, 4, 5])
    assert sifted.ids(["x", "y", "z"]) == ["x", "y", "x", "z", "x", "y"]


def test_a_job_comes_back_with_its_key_if_nobody_has_it() -> None:
    assert held([Claim("1", "k", "1"), Claim("2", "l", "1")], {"other": "9"}) == {}


def test_the_holder_of_a_key_is_named() -> None:
    assert held([Claim("5", "j", "5"), Claim("1", "k", "1")], {"k": "9"}) == {
        "1": "job 9, which is not finished, has the unique key 'k' of job 1"
    }


def test_what_would_come_back_with_a_job_is_named_too_and_the_job_that_was_asked_for_is_refused() -> None:
    assert held([Claim("1", "k", "root"), Claim("2", "l", "root 2")], {"k": "9", "l": "8"}) == {
        "root": "job 9, which is not finished, has the unique key 'k' of job 1, which would come back with it",
        "root 2": "job 8, which is not finished, has the unique key 'l' of job 2, which would come back with it",
    }


def test_of_two_that_would_come_back_with_one_key_the_second_is_refused() -> None:
    assert held([Claim("1", "k", "1"), Claim("2", "k", "2")], {}) == {
        "2": "job 1, which is not finished, has the unique key 'k' of job 2"
    }
