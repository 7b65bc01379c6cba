"""`aqueue config`: read and change the settings."""

import os
import sys
from collections.abc import Mapping, Sequence

import asyncclick as click
from asyncclick.shell_completion import CompletionItem

from aqueue.cli.escape import escape
from aqueue.cli.present import show_json
from aqueue.cli.table import show_table
from aqueue.model.settings import KEYS, Settings, from_environment, key_named, parse_setting, shown_setting
from aqueue.queue import Queue


class _Config(click.Group):
    """Takes `config KEY VALUE` for `config set KEY VALUE`, and `config KEY` for `config get KEY`."""

    async def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the words."""
        if ctx.resilient_parsing and not args:  # the next word is being completed
            return await super().parse_args(ctx, args)
        first = next((word for word in args if not word.startswith("-")), None)
        if first is not None and first not in self.commands and args[0] == first:
            args = ["get" if len(args) == 1 else "set", *args]
        return await super().parse_args(ctx, args or ["list"])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """The commands, and the keys of the settings."""
        keys = [CompletionItem(key, help=KEYS[key].meaning) for key in KEYS if key.startswith(incomplete)]
        return [*super().shell_complete(ctx, incomplete), *keys]


@click.group(cls=_Config, invoke_without_command=True)
async def config() -> None:
    """Read and change the settings of the queue.

    A setting comes from the environment (AQUEUE_MAX_RETRIES), else from what is stored with the queue, else it is the
    default. A change reaches running workers at once. In a key, - and _ are the same.

    \b
    Examples:
      aqueue config list
      aqueue config set backoff-base 3
      aqueue config max_retries 5
      aqueue config get backoff_base
    """


@config.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON document: key and value.")
@click.pass_obj
async def list_(db: str | None, as_json: bool) -> None:
    """Show every setting, where its value comes from, and what it means.

    \b
    Example:
      aqueue config list
    """
    async with Queue.open(db) as queue:
        settings, stored = await queue.settings(), await queue.stored_settings()
    if as_json:
        show_json({key: getattr(settings, key) for key in KEYS})
    else:
        show_table(_rows(settings, stored))


config.add_command(list_, "show")


def _rows(settings: Settings, stored: Mapping[str, str]) -> Sequence[Mapping[str, str]]:
    environment = from_environment(os.environ)
    return [
        {
            "KEY": key,
            "VALUE": escape(shown_setting(key, settings)),
            "FROM": "environment" if key in environment else "stored" if key in stored else "default",
            "MEANING": KEYS[key].meaning,
        }
        for key in KEYS
    ]


@config.command("get")
@click.argument("key")
@click.option("--json", "as_json", is_flag=True, help="One JSON document: key and value.")
@click.pass_obj
async def get(db: str | None, key: str, as_json: bool) -> None:
    """Print the value of a setting, alone.

    \b
    Example:
      aqueue config get timeout
    """
    name = key_named(key)
    async with Queue.open(db) as queue:
        settings = await queue.settings()
    if as_json:
        show_json({name: getattr(settings, name)})
    else:
        print(shown_setting(name, settings))


@config.command("set", context_settings={"ignore_unknown_options": True})
@click.argument("key")
@click.argument("value", nargs=-1, required=True)
@click.pass_obj
async def set_(db: str | None, key: str, value: Sequence[str]) -> None:
    """Store a setting with the queue.

    \b
    Example:
      aqueue config set timeout 10m
    """
    text = " ".join(value)
    async with Queue.open(db) as queue:
        name = await queue.set_setting(key, text)
    print(f"{name} is {escape(KEYS[name].show(parse_setting(name, text)))} now", file=sys.stderr)
    if name in from_environment(os.environ):
        print(f"(but AQUEUE_{name.upper()} in the environment is stronger)", file=sys.stderr)


@config.command("unset")
@click.argument("key")
@click.pass_obj
async def unset(db: str | None, key: str) -> None:
    """Forget a stored setting, so that the default holds again.

    \b
    Example:
      aqueue config unset timeout
    """
    name = key_named(key)
    async with Queue.open(db) as queue:
        was_stored = await queue.unset_setting(name)
    said = "is not stored any more" if was_stored else "was not stored"
    print(f"{name} {said}; the default is {shown_setting(name, Settings())}", file=sys.stderr)
