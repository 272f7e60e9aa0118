/**
 * The script that each shell runs to complete `ports`. They are our own, because the library's
 * scripts evaluate what was typed as a command, and a press of TAB must not run it. They do not
 * complete file names.
 */
export const COMPLETION_SCRIPTS = {
  bash: `_ports() {
  local line word
  COMPREPLY=()
  while IFS= read -r line; do
    word="\${line%%$'\\t'*}"
    [[ $line == :* || $word != "\${COMP_WORDS[COMP_CWORD]}"* ]] || COMPREPLY+=("$word")
  done < <(ports complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _ports ports
`,
  zsh: `#compdef ports
_ports() {
  local -a found
  found=("\${(@f)$(ports complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  found=("\${(@)found:#:*}")
  found=("\${(@)found//:/\\\\:}")
  found=("\${(@)found/$'\\t'/:}")
  _describe ports found
}
compdef _ports ports
`,
  fish: `function __ports_complete
  set -l words (commandline -opc) (commandline -ct)
  ports complete -- $words[2..-1] 2>/dev/null | string match -v ':*'
end
complete -c ports -f -a '(__ports_complete)'
`,
} as const
