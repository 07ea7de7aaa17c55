"""The path that a caller gives to the file tool."""

import pytest

from gnosari_temporal.errors import ToolInputError
from gnosari_temporal.tools.files.paths import split_path


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("report.txt", ("report.txt",)),
        ("a/b/c.md", ("a", "b", "c.md")),
        ("./a//b/./c", ("a", "b", "c")),
        ("a/", ("a",)),
        ("", ()),
        (".", ()),
        ("naïve file – 2026.txt", ("naïve file – 2026.txt",)),
        ("..hidden", ("..hidden",)),
        ("a..b/c...d", ("a..b", "c...d")),
        ("%2e%2e/x", ("%2e%2e", "x")),
    ],
)
def test_a_harmless_path_is_taken_apart(path: str, parts: tuple[str, ...]) -> None:
    assert split_path(path) == parts


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("..", "'..' is not accepted"),
        ("a/../../b", "'..' is not accepted"),
        ("/etc/passwd", "relative to the base directory"),
        ("a\0b", "U+0000"),
        ("a\nb", "U+000A"),
        ("a\u202eb", "U+202E"),
        ("..\\x", "backslash"),
        ("~/x", "'~' is not expanded"),
        ("\uff0e\uff0e/x", "look-alike"),
        ("a\uff0fb", "look-alike"),
        ("x" * 256, "more than 255 bytes"),
        ("x/" * 2100, "at most 4096"),
        ("x/" * 101, "101 names deep"),
        ("\udcff", "not valid Unicode"),
        (".gnosari-appends/x", "belong to the tool itself"),
        (".GNOSARI-x", "belong to the tool itself"),
    ],
)
def test_a_path_that_could_mean_more_is_refused_by_name(path: str, why: str) -> None:
    with pytest.raises(ToolInputError, match=r"file_path: .* is refused: ") as caught:
        split_path(path)

    assert why in str(caught.value)
    assert caught.value.fields == ("file_path",)
    assert "\n" not in str(caught.value)
