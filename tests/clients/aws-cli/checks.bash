# Assertions of the AWS CLI suite. Sourced by `commands`. Needs $scratch, a directory.

passed=0
failed=0

# Counts a failure and says what was seen.
fail() {
    failed=$((failed + 1))
    printf 'FAILED %s\n' "$1"
    shift
    printf '    %s\n' "$@"
}

# is NAME WANTED GOT: the texts are the same.
is() {
    if [[ "$2" == "$3" ]]; then
        passed=$((passed + 1))
    else
        fail "$1" "wanted: $2" "got:    $3"
    fi
}

# matches NAME PATTERN GOT: the extended regular expression covers the text from its start to its end.
matches() {
    if [[ "$3" =~ ^($2)$ ]]; then
        passed=$((passed + 1))
    else
        fail "$1" "wanted: $2" "got:    $3"
    fi
}

# same_bytes NAME FILE FILE
same_bytes() {
    if cmp -s "$2" "$3"; then
        passed=$((passed + 1))
    else
        fail "$1" "$2 and $3 differ"
    fi
}

# sm COMMAND…: a command of the service, its output as text. What it prints on failure shows in the comparison.
sm() {
    aws secretsmanager --output text "$@" 2>&1 || true
}

# newer COMMAND…: the same with the service model of the newest botocore.
newer() {
    AWS_DATA_PATH="$models" sm "$@"
}

# The service whose commands `refuses` runs.
service=secretsmanager

# refuses NAME OPERATION CODE TEXT COMMAND…: the command of $service fails as AWS's own would: exit status of a service error,
# nothing on standard output, and the error on standard error. A TEXT of `*` stands for any.
refuses() {
    local name=$1 operation=$2 code=$3 text=$4 status=0 said head
    shift 4
    aws "$service" "$@" >"$scratch/out" 2>"$scratch/err" || status=$?
    said=$(tr -d '\r' <"$scratch/err" | sed '/^$/d')
    head="An error occurred ($code) when calling the $operation operation: "
    if [[ $status -ne 254 && $status -ne 255 ]]; then
        fail "$name" "exit status $status" "$said"
    elif [[ -s "$scratch/out" ]]; then
        fail "$name" "printed: $(cat "$scratch/out")"
    elif [[ "$text" == '*' && "$said" == *"$head"?* ]] || [[ "$said" == *"$head$text" ]]; then
        passed=$((passed + 1))
    else
        fail "$name" "wanted: $head$text" "got:    $said"
    fi
}

# Prints the closing line; the status tells whether all went well.
close() {
    printf '%d passed, %d failed\n' "$passed" "$failed"
    [[ $failed -eq 0 ]]
}
