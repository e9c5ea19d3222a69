"""Shell completion: a script that knows every task and its options, so that no key starts Python."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from kennel.commands.command_line import named
from kennel.commands.options import Option
from kennel.commands.task import kennel_task
from kennel.commands.values import Choice

SHELLS = ("bash", "zsh")

# What both shells use: the words for a place on the command line.
WORDS = """\
_kennel_tasks='{tasks}'
_kennel_options() {{
  case "$1" in
{options}
  esac
}}
_kennel_values() {{
  case "$1 $2" in
{values}
  esac
}}
_kennel_words() {{ # TASK PREVIOUS-WORD CURRENT-WORD
  local found
  found="$(_kennel_values "$1" "$2")"
  if [ -z "$found" ]; then
    case "$3" in
      -*) found="$(_kennel_options "$1")" ;;
      *) [ -n "$1" ] || found="$_kennel_tasks" ;;
    esac
  fi
  printf '%s' "$found"
}}
"""
# Both shells complete ./kennel by the rules for kennel, and files where there are no words.
BASH = """\
_kennel() {
  local word task= current="${COMP_WORDS[COMP_CWORD]}" previous="${COMP_WORDS[COMP_CWORD-1]}" index
  for ((index = 1; index < COMP_CWORD; index++)); do
    word="${COMP_WORDS[index]}"
    case " $_kennel_tasks " in *" $word "*) task="$word" ;; esac
  done
  if [ "$previous" = "=" ]; then previous="${COMP_WORDS[COMP_CWORD-2]}"; fi # bash takes = for a word
  if [ "$current" = "=" ]; then current=; fi
  COMPREPLY=()
  while IFS= read -r word; do
    COMPREPLY+=("$word")
  done < <(compgen -W "$(_kennel_words "$task" "$previous" "$current")" -- "$current")
}
complete -o bashdefault -o default -F _kennel kennel
"""
ZSH = """\
_kennel() {
  local word task= previous="${words[CURRENT-1]}"
  for word in "${(@)words[2,CURRENT-1]}"; do
    case " $_kennel_tasks " in *" $word "*) task="$word" ;; esac
  done
  if compset -P 1 '--*='; then previous="${IPREFIX%=}"; fi
  local -a found
  found=(${=$(_kennel_words "$task" "$previous" "$PREFIX")})
  if (( $#found )); then compadd -- $found; else _files; fi
}
whence compdef > /dev/null || { autoload -Uz compinit && compinit }
compdef _kennel kennel
"""


@kennel_task(positional=("shell",), shell="your shell")  # noqa: S604 - a help text, no subprocess
def completion(as_json: bool, shell: Annotated[str, Choice(*SHELLS)]) -> dict[str, Any]:
    """Print the script of a shell's completion; to use it: eval "$(./kennel completion bash)"."""
    import tasks

    text = script(shell, {name: task.options for name, task in named(tasks.namespace).items()})
    if not as_json:
        print(text, end="")
    return {"shell": shell, "script": text}


def script(shell: str, options: Mapping[str, Iterable[Option]]) -> str:
    """Return the script for bash or zsh.

    Parameters
    ----------
    options
        The options of each task, by its name.
    """
    lines, values = [], []
    for name, of_task in sorted(options.items()):
        flags = [flag for option in of_task if not option.required for flag in option.flags]
        lines.append(f"    {name}) echo '{' '.join([*flags, '--help'])}' ;;")
        for option in of_task:
            if option.value is not None and option.value.choices:
                values.append(f"    '{name} {option.flag}') echo '{' '.join(option.value.choices)}' ;;")
                if option.required:
                    values.append(f"    '{name} {name}') echo '{' '.join(option.value.choices)}' ;;")
    lines.append("    '') echo '--help --list --version' ;;")
    words = WORDS.format(tasks=" ".join(sorted(options)), options="\n".join(lines), values="\n".join(values))
    return words + (ZSH if shell == "zsh" else BASH)
