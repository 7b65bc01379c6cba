# Completion of aqueue in bash. Switch it on with this line in ~/.bashrc:
#     source <(aqueue completion bash)
_aqueue() {
    local answer kind value
    COMPREPLY=()
    answer=$("$1" completion bash --answer -- "${COMP_LINE:0:COMP_POINT}" "$COMP_WORDBREAKS" 2>/dev/null) || return 0
    {
        read -r kind
        case $kind in
            file) compopt -o bashdefault -o default 2>/dev/null ;;
            dir) compopt -o dirnames 2>/dev/null ;;
            *)
                while IFS= read -r value; do
                    COMPREPLY+=("$value")
                done
                ;;
        esac
    } <<<"$answer"
}
complete -o nosort -F _aqueue aqueue 2>/dev/null || complete -F _aqueue aqueue
