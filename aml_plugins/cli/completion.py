"""``aml completion``: a script with every word in it, so that completing starts no Python at all."""

from __future__ import annotations

import click

from aml_plugins.cli.app import ROOT

BASH = """\
_aml() {{
  local word="${{COMP_WORDS[COMP_CWORD]}}" noun="${{COMP_WORDS[1]}}" verb="${{COMP_WORDS[2]}}" words
  if [ "$COMP_CWORD" -eq 1 ]; then words="{nouns}"
  else case "$noun${{verb:+ $verb}}" in
{cases}
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$word"))
  [ ${{#COMPREPLY[@]}} -gt 0 ] || COMPREPLY=($(compgen -f -- "$word"))
}}
complete -F _aml aml
"""

ZSH = "autoload -U +X bashcompinit && bashcompinit\n" + BASH


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print a completion script: eval "$(aml completion bash)"."""
    words = _words()
    if shell == "fish":
        click.echo("\n".join(_fish(words)))
        return
    ordered = sorted(words.items(), key=lambda item: -len(item[0]))  # the longer pattern first
    cases = "\n".join(f'      "{" ".join(path)}"*) words="{" ".join(found)}" ;;' for path, found in ordered if path)
    click.echo((BASH if shell == "bash" else ZSH).format(nouns=" ".join(words[()]), cases=cases))


def _words() -> dict[tuple[str, ...], list[str]]:
    """Return what may follow, by the words before."""
    found: dict[tuple[str, ...], list[str]] = {(): []}
    context = click.Context(ROOT, info_name="aml")
    for noun in ROOT.list_commands(context):
        command = ROOT.get_command(context, noun)
        if command is not None:
            found[()].append(noun)
            _add(found, (noun,), command)
    return found


def _add(found: dict[tuple[str, ...], list[str]], path: tuple[str, ...], command: click.Command) -> None:
    if isinstance(command, click.Group):
        found[path] = sorted(command.commands)
        for name, below in command.commands.items():
            _add(found, (*path, name), below)
        return
    found[path] = sorted(name for param in command.params for name in param.opts if name.startswith("--"))


def _fish(words: dict[tuple[str, ...], list[str]]) -> list[str]:
    lines = [f"complete -c aml -n __fish_use_subcommand -f -a '{' '.join(words[()])}'"]
    for path, found in words.items():
        if path:
            seen = "; and ".join(f"__fish_seen_subcommand_from {word}" for word in path)
            lines.append(f"complete -c aml -n '{seen}' -a '{' '.join(found)}'")
    return lines
