"""GetRandomPassword: alphabets, lengths, required classes and refusals."""

import itertools
import string

import pytest

from checks import body, refused

CLASSES = {
    "ExcludeUppercase": string.ascii_uppercase,
    "ExcludeLowercase": string.ascii_lowercase,
    "ExcludeNumbers": string.digits,
    "ExcludePunctuation": string.punctuation,
}
EVERYTHING = "".join(CLASSES.values())
TOO_SHORT = "Password length is too short based on the required types."
ALL_EXCLUDED = "All characters have been excluded from selection."
TYPE_EXCLUDED = "All characters of the desired type have been excluded."


def made(sm, **request):
    return sm.get_random_password(**request)["RandomPassword"]


def test_the_default(sm):
    answer = sm.get_random_password()
    assert set(body(answer)) == {"RandomPassword"}
    password = answer["RandomPassword"]
    assert len(password) == 32
    assert set(password) <= set(EVERYTHING)
    assert all(set(password) & set(letters) for letters in CLASSES.values())


@pytest.mark.parametrize("length", [4, 5, 31, 64, 1000, 4096])
def test_lengths(sm, length):
    for _ in range(3):
        password = made(sm, PasswordLength=length)
        assert len(password) == length
        assert all(set(password) & set(letters) for letters in CLASSES.values())


@pytest.mark.parametrize("flags", [flags for count in range(4) for flags in itertools.combinations(CLASSES, count)],
                         ids=lambda flags: "+".join(flags) or "none")
def test_classes(sm, flags):
    kept = [letters for flag, letters in CLASSES.items() if flag not in flags]
    password = made(sm, PasswordLength=len(kept), **{flag: True for flag in flags})
    assert sorted(sum(character in letters for character in password) for letters in kept) == [1] * len(kept)
    password = made(sm, PasswordLength=2000, **{flag: True for flag in flags})
    assert set(password) == set("".join(kept))


def test_flags_that_say_no(sm):
    password = made(sm, PasswordLength=4000, IncludeSpace=False, **{flag: False for flag in CLASSES})
    assert set(password) == set(EVERYTHING)


def test_space_only_when_asked_for(sm):
    assert " " not in made(sm, PasswordLength=4000)
    assert " " in made(sm, PasswordLength=4000, IncludeSpace=True)
    assert len(made(sm, PasswordLength=4, IncludeSpace=True)) == 4


def test_space_alone(sm):
    everything = {flag: True for flag in CLASSES}
    assert made(sm, PasswordLength=7, IncludeSpace=True, RequireEachIncludedType=False, **everything) == " " * 7


def test_excluded_characters(sm):
    excluded = string.ascii_letters[5:] + "!\"\\0'"
    password = made(sm, PasswordLength=3000, ExcludeCharacters=excluded, RequireEachIncludedType=False)
    assert set(password) == set(EVERYTHING) - set(excluded)
    assert made(sm, PasswordLength=5, ExcludeCharacters=EVERYTHING[:-1].replace("a", ""), RequireEachIncludedType=False)


def test_excluding_what_is_not_there(sm):
    assert len(made(sm, ExcludeCharacters="äö ")) == 32
    assert len(made(sm, ExcludeCharacters="")) == 32


def test_no_class_is_required_when_told_so(sm):
    for length in (1, 2, 3):
        assert len(made(sm, PasswordLength=length, RequireEachIncludedType=False)) == length
    one = {made(sm, PasswordLength=1, RequireEachIncludedType=False) in string.ascii_lowercase for _ in range(80)}
    assert one == {True, False}


def test_required_classes_stand_anywhere(sm):
    firsts = {made(sm, PasswordLength=4)[0] for _ in range(60)}
    assert sum(bool(firsts & set(letters)) for letters in CLASSES.values()) >= 3


def test_never_twice(sm):
    assert len({made(sm) for _ in range(50)}) == 50


@pytest.mark.parametrize("length", [1, 2, 3])
def test_too_short(sm, length):
    with refused("InvalidParameterException", TOO_SHORT):
        sm.get_random_password(PasswordLength=length)


@pytest.mark.parametrize("more", [{"RequireEachIncludedType": False}, {}])
def test_nothing_left(sm, more):
    with refused("InvalidParameterException", ALL_EXCLUDED):
        sm.get_random_password(**{flag: True for flag in CLASSES}, **more)


def test_nothing_left_by_characters(sm):
    with refused("InvalidParameterException", ALL_EXCLUDED):
        sm.get_random_password(ExcludeCharacters=EVERYTHING, RequireEachIncludedType=False)


@pytest.mark.parametrize("letters", CLASSES.values(), ids=CLASSES)
def test_a_required_class_without_characters(sm, letters):
    with refused("InvalidParameterException", TYPE_EXCLUDED):
        sm.get_random_password(ExcludeCharacters=letters)


@pytest.mark.parametrize(
    "request_, path, value, phrase",
    [({"PasswordLength": 0}, "passwordLength", "'0'", "value greater than or equal to 1"),
     ({"PasswordLength": -5}, "passwordLength", "'-5'", "value greater than or equal to 1"),
     ({"PasswordLength": 4097}, "passwordLength", "'4097'", "value less than or equal to 4096"),
     ({"PasswordLength": 5000}, "passwordLength", "'5000'", "value less than or equal to 4096"),
     ({"ExcludeCharacters": "x" * 4097}, "excludeCharacters", None, "length less than or equal to 4096")],
)
def test_out_of_range(loose, request_, path, value, phrase):
    with refused("ValidationException") as refusal:
        loose.get_random_password(**request_)
    tail = f" at '{path}' failed to satisfy constraint: Member must have {phrase}"
    if value is None:
        assert refusal.text.startswith("1 validation error detected: Value '") and refusal.text.endswith(tail)
    else:
        assert refusal.text == f"1 validation error detected: Value {value}{tail}"
