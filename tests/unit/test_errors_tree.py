"""The tree that the docstring of ``errors`` draws is the tree of the classes."""

from __future__ import annotations

import inspect
import pickle
import re

import pytest

from gnosari_temporal import errors


def drawn() -> dict[str, str]:
    """Class to base class, as drawn."""
    found: dict[str, str] = {}
    path: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        match = re.match(r"^(?P<branches>[│├└─ ]*)(?P<name>[A-Z]\w+)(?:\s{2,}.*)?$", line)
        if match is None or (not match["branches"] and match["name"] != "GnosariError"):
            continue
        depth = len(match["branches"]) // 4
        del path[depth:]
        if path:
            found[match["name"]] = path[-1]
        path.append(match["name"])
    return found


def classes() -> dict[str, type[Exception]]:
    return {
        name: member
        for name, member in vars(errors).items()
        if inspect.isclass(member) and issubclass(member, Exception) and member.__module__ == errors.__name__
    }


def base_of(error: type[Exception]) -> list[str]:
    return [base.__name__ for base in error.__bases__ if issubclass(base, errors.GnosariError)]


def test_every_error_is_drawn_under_its_base_and_nothing_else_is() -> None:
    tree = drawn()
    real = {name: error for name, error in classes().items() if name != "GnosariError"}
    assert tree.keys() == real.keys()
    for name, base in tree.items():
        assert base in base_of(real[name]), f"{name} is drawn under {base}, its bases are {base_of(real[name])}"


def test_what_is_said_to_be_another_error_too_is_one() -> None:
    said = re.findall(r"(\w+)\s{2,}.*\(an? (\w+) too\)", errors.__doc__ or "")
    assert len(said) >= 4
    builtin = {"TimeoutError": TimeoutError, "ValueError": ValueError, "RuntimeError": RuntimeError}
    for name, also in said:
        assert issubclass(classes()[name], builtin.get(also) or classes()[also]), name


def test_the_docstring_of_an_error_is_its_default_message() -> None:
    assert (
        str(errors.ServerNotInstalled())
        == "The embedded server is not installed: pip install 'gnosari-temporal[server]'."
    )
    assert str(errors.ServerNotInstalled("other")) == "other"


@pytest.mark.parametrize(
    "error", [errors.JobFailed("x", job_id="J", attempts=2), errors.ServerUnreachable("x", address="a:1")]
)
def test_an_error_keeps_its_data_in_fields_also_when_pickled(error: errors.GnosariError) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), vars(copy)) == (type(error), str(error), vars(error))
