/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* lockstep completion bash|zsh */
#include "commands.h"

#include <string.h>

/* Presets and parameters are asked for when they are completed: users have their own. */
static const char bash[] =
    "# Completion of lockstep for bash: source it, or install it as\n"
    "# /usr/share/bash-completion/completions/lockstep\n"
    "_lockstep() {\n"
    "  local word=${COMP_WORDS[COMP_CWORD]} command=${COMP_WORDS[1]} IFS=$' \\t\\n'\n"
    "  COMPREPLY=()\n"
    "  if [ \"$COMP_CWORD\" = 1 ]; then\n"
    "    COMPREPLY=($(compgen -W '@commands@ --help --version' -- \"$word\"))\n"
    "    return\n"
    "  fi\n"
    "  case $word in -*)\n"
    "    case $command in\n" "@options@"
    "    esac\n"
    "    return ;;\n"
    "  esac\n"
    "  case $command in\n"
    "    completion) COMPREPLY=($(compgen -W 'bash zsh' -- \"$word\")) ;;\n"
    "    hls-check) COMPREPLY=($(compgen -f -- \"$word\")) ;;\n"
    "    show|run|check|export|graph)\n"
    "      if [ \"$COMP_CWORD\" = 2 ]; then\n"
    "        COMPREPLY=($(compgen -W \"$(lockstep list --names 2>/dev/null)\" -- \"$word\"))\n"
    "        case $word in */*|.*) COMPREPLY+=($(compgen -f -X '!*.json' -- \"$word\") $(compgen -d -S / -- \"$word\")) ;; esac\n"
    "      else\n"
    "        COMPREPLY=($(compgen -S = -W \"$(lockstep show \"${COMP_WORDS[2]}\" --names 2>/dev/null)\" -- \"$word\"))\n"
    "        compopt -o nospace\n"
    "      fi ;;\n" "  esac\n" "}\n" "complete -F _lockstep lockstep\n";

static const char zsh[] = "#compdef lockstep\n"
    "# Completion of lockstep for zsh: install it as _lockstep in a folder of $fpath.\n"
    "_lockstep() {\n"
    "  local -a names\n"
    "  if (( CURRENT == 2 )); then\n"
    "    names=(\n" "@described@"
    "    )\n"
    "    _describe command names\n"
    "    return\n"
    "  fi\n"
    "  if [[ $PREFIX == -* ]]; then\n"
    "    case $words[2] in\n" "@zoptions@"
    "    esac\n"
    "    return\n"
    "  fi\n"
    "  case $words[2] in\n"
    "    completion) compadd bash zsh ;;\n"
    "    hls-check) _files ;;\n"
    "    show|run|check|export|graph)\n"
    "      if (( CURRENT == 3 )); then\n"
    "        compadd -- ${(f)\"$(lockstep list --names 2>/dev/null)\"}\n"
    "        _files -g '*.json'\n"
    "      else\n"
    "        compadd -S = -- ${(f)\"$(lockstep show $words[3] --names 2>/dev/null)\"}\n"
    "      fi ;;\n" "  esac\n" "}\n" "compdef _lockstep lockstep\n";

/* The words of a command's help line that are options. */
static char *
options_of (const Command * command)
{
  g_auto (GStrv) words = g_strsplit_set (command->words, " []|", -1);
  g_autoptr (GString) options = g_string_new ("--help");

  for (guint i = 0; words[i] != NULL; i++)
    if (g_str_has_prefix (words[i], "--"))
      g_string_append_printf (options, " %s", words[i]);
  return g_string_free (g_steal_pointer (&options), FALSE);
}

static void
add_command (const Command * command, GString * names, GString * options,
    GString * described, GString * zoptions)
{
  g_autofree char *own = options_of (command);

  g_string_append_printf (names, "%s%s", names->len > 0 ? " " : "",
      command->name);
  g_string_append_printf (options, "      %s) COMPREPLY=($(compgen -W '%s' -- "
      "\"$word\")) ;;\n", command->name, own);
  g_string_append (described, "      ");
  {
    g_autofree char *text = g_strdup_printf ("%s:%s", command->name,
        command->summary);
    g_autofree char *quoted = g_shell_quote (text);

    g_string_append_printf (described, "%s\n", quoted);
  }
  g_string_append_printf (zoptions, "      %s) compadd -- %s ;;\n",
      command->name, own);
}

static int
completion (int argc, char **argv)
{
  g_autoptr (GString) names = g_string_new (NULL);
  g_autoptr (GString) options = g_string_new (NULL);
  g_autoptr (GString) described = g_string_new (NULL);
  g_autoptr (GString) zoptions = g_string_new (NULL);
  g_autoptr (GString) text = NULL;

  if (argc != 2 || (!g_str_equal (argv[1], "bash")
          && !g_str_equal (argv[1], "zsh")))
    return command_usage ("completion", "for which shell: bash or zsh?");
  for (guint i = 0; commands[i] != NULL; i++)
    add_command (commands[i], names, options, described, zoptions);
  text = g_string_new (g_str_equal (argv[1], "bash") ? bash : zsh);
  g_string_replace (text, "@commands@", names->str, 0);
  g_string_replace (text, "@options@", options->str, 0);
  g_string_replace (text, "@described@", described->str, 0);
  g_string_replace (text, "@zoptions@", zoptions->str, 0);
  g_print ("%s", text->str);
  return 0;
}

const Command command_completion = {
  "completion", "bash|zsh", "completion for a shell",
  "Prints a script that completes commands, options, presets and their parameters.\n"
      "An installation has it where shells look for it.\n\n"
      "  source <(lockstep completion bash)\n"
      "  lockstep completion zsh > ~/.zfunc/_lockstep\n",
  completion
};
