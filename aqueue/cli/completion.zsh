#compdef aqueue
# Completion of aqueue in zsh. Switch it on with this line in ~/.zshrc, behind compinit:
#     source <(aqueue completion zsh)
_aqueue() {
    local -a answer values shown
    local line value help
    answer=("${(@f)$("${(Q)words[1]}" completion zsh --answer -- "${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null)}")
    [[ $PREFIX == --*=* ]] && compset -P 1 '*='
    case ${answer[1]} in
        file) _files ;;
        dir) _files -/ ;;
        plain)
            for line in "${(@)answer[2,-1]}"; do
                value=${line%%$'\t'*}
                help=${line#*$'\t'}
                values+=("$value")
                shown+=("$value${help:+  -- $help}")
            done
            (( ${#values} )) && compadd -l -V aqueue -d shown -a values
            ;;
    esac
}
if [[ ${zsh_eval_context[-1]} == loadautofunc ]]; then
    _aqueue "$@"
else
    compdef _aqueue aqueue
fi
