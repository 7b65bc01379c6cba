"""`aqueue completion`: complete words in a shell."""

from collections.abc import Sequence
from pathlib import Path

import asyncclick as click

SHELLS = ("bash", "zsh", "fish")


@click.command(context_settings={"allow_extra_args": True})
@click.argument("shell", type=click.Choice(SHELLS), metavar="bash|zsh|fish")
@click.option("--answer", is_flag=True, hidden=True, help="Say what the last of these words can become.")
@click.pass_context
async def completion(ctx: click.Context, shell: str, answer: bool) -> None:
    """Print a script that makes a shell complete commands, options, and the names in the queue.

    Ids, queues, tags and workers come from the live queue, ids the newest first.

    \b
    Examples:
      source <(aqueue completion bash)   in ~/.bashrc
      source <(aqueue completion zsh)    in ~/.zshrc, behind compinit
      aqueue completion fish | source    in ~/.config/fish/config.fish
    """
    if answer:
        await _answer(shell, ctx.args)
    elif ctx.args:
        raise click.UsageError(f"Got unexpected extra argument ({ctx.args[0]})")
    else:
        print(Path(__file__).with_name(f"completion.{shell}").read_text(encoding="utf-8"), end="")


async def _answer(shell: str, words: Sequence[str]) -> None:
    """Print of what kind the last word can become, and then what, a line each, for some shells with a help."""
    from aqueue.cli import completing
    from aqueue.cli.main import cli

    if shell == "bash":
        line, breaks, *_ = [*words, "", ""]
        typed = completing.typed_in_bash(line, breaks)
    else:
        typed = completing.Typed(words[:-1], "".join(words[-1:]))
    found = await completing.answer(cli, typed.words, typed.last)
    print(found.kind)
    if found.kind == completing.PLAIN:
        for item in found.items:
            value = typed.written(item.value, whole=shell != "zsh")
            print(value if shell == "bash" else f"{value}\t{item.help or ''}")
