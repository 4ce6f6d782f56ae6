# Lists, batches, tags and passwords. Sourced by `commands`.

sm create-secret --name "$one" --secret-string second --tags Key=team,Value=core 'Key=with space,Value=a b' >/dev/null
sm create-secret --name "$start/json" --secret-string 'from json' --description 'By json' --tags Key=k,Value=v >/dev/null
sm create-secret --name "$start/file" --secret-string x >/dev/null
sm create-secret --name "$start/binary" >/dev/null

# tag-resource and untag-resource
is 'tag-resource prints nothing' '' "$(sm tag-resource --secret-id "$one" --tags '[{"Key":"env","Value":"prod"}]')"
is 'untag-resource prints nothing' '' "$(sm untag-resource --secret-id "$one" --tag-keys team 'with space')"
is 'tags afterwards' env$'\t'prod "$(sm describe-secret --secret-id "$one" --query 'Tags[].[Key,Value]')"

# list-secrets
names() {
    sm list-secrets --filters "Key=name,Values=$start" "$@" --query 'sort(SecretList[].Name)' | tr '\t' '\n' |
        sed "s|^$start/||" | paste -sd ' '
}
is 'list-secrets by name' 'binary file json one' "$(names)"
is 'list-secrets by pages' 'binary file json one' "$(aws secretsmanager list-secrets --page-size 2 --output json \
    --filters "Key=name,Values=$start" --query 'sort(SecretList[].Name)' | tr -d '[]", \n' | sed "s|$start/| |g; s|^ ||")"
is 'list-secrets by two keys' one "$(names Key=tag-key,Values=env)"
is 'list-secrets by all' json "$(names Key=all,Values=JSON)"
is 'list-secrets by description' json "$(names Key=description,Values=json)"
is 'list-secrets by tag value' json "$(names Key=tag-value,Values=v)"
is 'list-secrets by negation' 'binary file' "$(names 'Key=tag-key,Values=!env,!k')"
is 'list-secrets by several values' 'binary file' "$(sm list-secrets \
    --filters "Key=name,Values=$start/bin,$start/fi" --sort-by name --sort-order asc --query 'SecretList[].Name' |
    tr '\t' '\n' | sed "s|^$start/||" | paste -sd ' ')"
is 'list-secrets in order' "$start/one"$'\t'"$start/json" "$(sm list-secrets --filters "Key=name,Values=$start" \
    --sort-by name --sort-order desc --max-items 2 --query 'SecretList[].Name' | head -1)"
refuses 'list-secrets by an unknown key' ListSecrets ValidationException '*' \
    list-secrets --filters Key=colour,Values=blue
refuses 'list-secrets with a token of nobody' ListSecrets InvalidNextTokenException '*' \
    list-secrets --next-token bm90LW91cnM=

# batch-get-secret-value
is 'batch-get-secret-value by list' from\ json$'\t'second "$(sm batch-get-secret-value \
    --secret-id-list "$one" "$start/json" --query 'sort(SecretValues[].SecretString)')"
is 'batch-get-secret-value with an error' "second"$'\t'"$absent"$'\t'ResourceNotFoundException "$(sm batch-get-secret-value \
    --secret-id-list "$one" "$absent" --query '[SecretValues[0].SecretString,Errors[0].SecretId,Errors[0].ErrorCode]')"
is 'batch-get-secret-value by filters' 'from json' "$(sm batch-get-secret-value \
    --filters "Key=name,Values=$start" Key=tag-key,Values=k --query 'SecretValues[].SecretString')"

# get-random-password
is 'get-random-password' 32 "$(sm get-random-password --query 'length(RandomPassword)')"
matches 'get-random-password of digits' '[0-9]{12}' "$(sm get-random-password --password-length 12 --exclude-punctuation \
    --exclude-uppercase --exclude-lowercase --query RandomPassword)"
refuses 'get-random-password too short' GetRandomPassword InvalidParameterException \
    'Password length is too short based on the required types.' get-random-password --password-length 3
refuses 'get-random-password too long' GetRandomPassword ValidationException \
    "1 validation error detected: Value '5000' at 'passwordLength' failed to satisfy constraint: Member must have value less \
than or equal to 4096" get-random-password --password-length 5000
