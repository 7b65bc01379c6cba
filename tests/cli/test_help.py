"""Every command explains itself, with an example."""

import re
from collections.abc import Iterator

import asyncclick as click
import pytest

from aqueue import __version__
from aqueue.cli.main import COMMANDS, cli

from .harness import Shell


def _commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        yield (*path, name)
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from _commands(command, (*path, name))


ALL = list(_commands(cli))


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_every_command_has_a_help_with_an_example_of_itself(shell: Shell, words: tuple[str, ...]) -> None:
    text = shell.ok(*words, "--help")
    assert shell.ok(*words, "-h") == text
    assert text.startswith(f"Usage: aqueue {' '.join(words)} ")
    assert re.search(r"\n  Examples?:\n", text)
    assert re.search(rf"\n    .*\baqueue {words[0]}\b", text)
    assert not shell.database.exists()


@pytest.mark.parametrize("words", [(), *ALL], ids=" ".join)
def test_a_help_fits_into_80_columns_and_leaves_nothing_out(shell: Shell, words: tuple[str, ...]) -> None:
    for line in shell.ok(*words, "--help").splitlines()[1:]:
        assert len(line) <= 80
        assert not line.endswith("...")


def test_every_option_is_explained() -> None:
    for words in ALL:
        command: click.Command | None = cli
        for word in words:
            assert isinstance(command, click.Group)
            command = command.get_command(click.Context(command), word)
        assert command is not None
        for option in command.params:
            assert not isinstance(option, click.Option) or option.hidden or option.help, (words, option.name)


def test_edit_promises_no_default_since_what_is_not_named_stays(shell: Shell) -> None:
    assert "default:" not in shell.ok("edit", "--help")
    assert "default: as configured" in shell.ok("enqueue", "--help")


def test_the_help_lists_all_commands(shell: Shell) -> None:
    text = shell.ok("--help")
    assert shell.ok("-h") == text
    for name, line in COMMANDS.items():
        assert re.search(rf"\n  {name} +{re.escape(line)}\n", text)


def test_the_version_is_told(shell: Shell) -> None:
    assert shell.ok("--version") == f"aqueue, version {__version__}\n"
