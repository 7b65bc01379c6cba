# Completion of aqueue in fish. Switch it on with this line in ~/.config/fish/config.fish:
#     aqueue completion fish | source
function __aqueue_complete
    set -l words (commandline -opc)
    set -l program $words[1]
    set -e words[1]
    set -l last (commandline -ct)
    set -l option (string match -r -- '^--[^=]*=' "$last")
    set -l value (string replace -r -- '^--[^=]*=' '' "$last")
    set -l answer ($program completion fish --answer -- $words "$last" 2>/dev/null)
    switch "$answer[1]"
        case file
            __fish_complete_path "$value" | string replace -r '^' -- "$option"
        case dir
            __fish_complete_directories "$value" | string replace -r '^' -- "$option"
        case plain
            set -e answer[1]
            printf '%s\n' $answer
    end
end
complete --command aqueue --no-files --keep-order --arguments '(__aqueue_complete)'
