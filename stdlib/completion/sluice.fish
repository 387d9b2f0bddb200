# fish completion for sluice; `sluice completion fish` prints it.
function __sluice_words
    set -l tokens (commandline -opc)
    set -l current (commandline -ct)
    for line in ($tokens[1] completion words -- $tokens[2..-1] $current 2>/dev/null)
        set -l parts (string split \t -- $line)
        if test -n "$parts[1]"
            echo $line
        else
            set -l name (string replace -- $parts[3] '' $current)
            for file in (__fish_complete_path $name)
                set -l path (string split \t -- $file)[1]
                if string match -q -- '*/' $path; or string match -q -- $parts[2] $path
                    echo $parts[3]$path
                end
            end
        end
    end
end

complete -c sluice -f -a '(__sluice_words)'
