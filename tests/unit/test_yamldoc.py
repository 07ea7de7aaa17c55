"""YAML files whose data knows where it stands."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from gnosari_temporal.errors import TeamError
from gnosari_temporal.yamldoc import Mark, load_yaml, parse_yaml


def problems_of(text: str) -> list[str]:
    with pytest.raises(TeamError) as caught:
        parse_yaml(text, "f.yaml")
    return list(caught.value.problems)


def test_every_key_and_value_keeps_its_line_and_column() -> None:
    document = parse_yaml("a: 1\nb:\n  - x\n  -   c: [true, null]\n", "f.yaml")
    assert document.data == {"a": 1, "b": ["x", {"c": [True, None]}]}
    assert document.keys[("a",)] == Mark(1, 1)
    assert document.values[("a",)] == Mark(1, 4)
    assert document.values[("b", 0)] == Mark(3, 5)
    assert document.keys[("b", 1, "c")] == Mark(4, 7)
    assert document.values[("b", 1, "c", 1)] == Mark(4, 17)
    assert document.where(("b", 1, "c")) == "f.yaml:4"


def test_a_place_that_does_not_exist_is_that_of_its_nearest_parent() -> None:
    document = parse_yaml("a:\n  b:\n    c: 1\n", "f.yaml")
    assert document.where(("a", "b", "x", 3)) == "f.yaml:2"
    assert document.where(("z",)) == "f.yaml:1"


def test_duplicate_keys_are_all_reported_with_the_first_line() -> None:
    assert problems_of("a: 1\nb:\n  c: 1\n  c: 2\na: 3\n") == [
        "f.yaml:4: key 'c' is already in line 3; keep one of them",
        "f.yaml:5: key 'a' is already in line 1; keep one of them",
    ]


@pytest.mark.parametrize(
    ("text", "line", "part"),
    [
        ("a: [1\nb: 2\n", 2, "is not valid YAML: expected ',' or ']'"),
        ("a:\n\tb: 1\n", 2, "indent with spaces, not tabs"),
        ('a: "open\n', 2, "is not valid YAML"),
        ("a: *nowhere\n", 1, "undefined alias"),
        ("a: 1\n---\nb: 2\n", 2, "expected a single document"),
        ("a: 1\n b: 2\n", 2, "mapping values are not allowed here"),
        ("a: \x07\n", 1, "character U+0007 is not allowed"),
        ("x: 1\na: \x00\n", 2, "character U+0000 is not allowed"),
    ],
)
def test_a_syntax_error_is_one_line_with_its_place(text: str, line: int, part: str) -> None:
    (problem,) = problems_of(text)
    assert problem.startswith(f"f.yaml:{line}: is not valid YAML: ")
    assert part in problem
    assert "\n" not in problem


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: !!python/object/apply:os.system [ls]", "tag !!python/object/apply:os.system is not supported"),
        ("a: !secret x", "tag !secret is not supported"),
        ("a: !!binary aGk=", "tag !!binary is not supported"),
        ("a: !!set {x, y}", "tag !!set is not supported"),
        ("a: !!int twelve", "'twelve' is no !!int in YAML"),
        ("a: .nan", ".nan is no number that JSON has"),
        ("a: -.inf", "-.inf is no number that JSON has"),
        ("on: 1", "key on is no text in YAML: write it in quotes"),
        ("5: 1", "key 5 is no text in YAML: write it in quotes"),
        ("[a, b]: 1", "a key is text, not a list or mapping"),
        ('a: "\\ud800"', "half of a surrogate pair"),
        ("a: &x\n  b: *x", "has an alias that contains itself"),
        ("a:\n  <<: 3", "'<<' takes a mapping or a list of mappings"),
    ],
)
def test_what_json_could_not_hold_is_refused(text: str, problem: str) -> None:
    (found,) = problems_of(text)
    assert found.startswith("f.yaml:")
    assert problem in found


def test_dates_stay_text() -> None:
    assert parse_yaml("day: 2024-01-31\nat: 2024-01-31T10:00:00Z").data == {
        "day": "2024-01-31",
        "at": "2024-01-31T10:00:00Z",
    }


def test_aliases_and_merge_keys_work_and_keep_the_place_of_their_source() -> None:
    document = parse_yaml(
        "base: &base {a: 1, b: 2}\nmore: &more\n  <<: *base\n  c: 3\nuse:\n  <<: [*more, {a: 7, d: 4}]\n  b: 5\n"
    )
    assert document.data["use"] == {"b": 5, "c": 3, "a": 1, "d": 4}
    assert document.mark(("use", "a")).line == 1
    assert document.mark(("use", "b")).line == 7


def test_what_pyyaml_reads_is_read_alike() -> None:
    text = "a: [1, 0x1f, 1_000, 1.5, yes, ~, 'q']\nb: |\n  block\n  text\nc: >\n  folded\n  text\n"
    assert parse_yaml(text).data == yaml.safe_load(text)


def test_aliases_that_multiply_are_stopped() -> None:
    levels = "\n".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, 9))
    (problem,) = problems_of(f"l0: &l0 [x]\n{levels}\n")
    assert "has more than 50000 values" in problem


@pytest.mark.parametrize("depth", [80, 5000])
def test_deep_nesting_is_stopped(depth: int) -> None:
    (problem,) = problems_of("[" * depth + "]" * depth)
    assert problem == "f.yaml:1: is nested too deeply"


def test_a_file_that_is_not_there_or_no_text_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(TeamError, match=r"no\.yaml: there is no such file"):
        load_yaml(tmp_path / "no.yaml")
    with pytest.raises(TeamError, match="cannot be read: Is a directory"):
        load_yaml(tmp_path)
    (tmp_path / "latin.yaml").write_bytes(b"a: 1\nb: caf\xe9\n")
    with pytest.raises(TeamError, match=r"latin\.yaml:2: is not UTF-8 text: byte 0xe9"):
        load_yaml(tmp_path / "latin.yaml")
    (tmp_path / "large.yaml").write_bytes(b"#" * (1024 * 1024 + 1))
    with pytest.raises(TeamError, match=r"large\.yaml: is larger than 1024 KiB"):
        load_yaml(tmp_path / "large.yaml")


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    (tmp_path / "bom.yaml").write_bytes(b"\xef\xbb\xbfa: 1\n")
    assert load_yaml(tmp_path / "bom.yaml").data == {"a": 1}


def test_an_empty_file_is_nothing() -> None:
    assert parse_yaml("# only a comment\n").data is None


@settings(deadline=None)
@given(st.text(alphabet="abc:-{}[]&*!|>\"'\n #,<?%@`\t0.\\", max_size=60))
def test_any_text_is_read_or_refused_with_a_place(text: str) -> None:
    problems: tuple[str, ...] | None = None
    try:
        parse_yaml(text, "f.yaml")
    except TeamError as error:
        problems = error.problems
    assert problems != ()
    for problem in problems or ():
        assert problem.startswith("f.yaml:")
        assert problem.isprintable()


_plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)


@settings(deadline=None)
@given(_plain)
def test_plain_data_is_read_back(data: object) -> None:
    text = yaml.safe_dump(data, allow_unicode=False)
    assert parse_yaml(text).data == yaml.safe_load(text)
