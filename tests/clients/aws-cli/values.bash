# Values, versions and labels. Sourced by `commands`.

# create-secret
token=11111111-2222-4333-8444-555555555555
made=$(sm create-secret --name "$one" --secret-string first --description 'from a terminal' --client-request-token $token \
    --tags Key=team,Value=core 'Key=with space,Value=a b' --query '[ARN,Name,VersionId]')
arn=${made%%$'\t'*}
matches 'create-secret answers' "arn:aws:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:$one-[A-Za-z0-9]{6}"$'\t'"$one"$'\t'"$token" \
    "$made"
is 'create-secret again with its token' "$made" "$(sm create-secret --name "$one" --secret-string first \
    --client-request-token $token --query '[ARN,Name,VersionId]')"
refuses 'create-secret with a name in use' CreateSecret ResourceExistsException \
    "The operation failed because the secret $one already exists." create-secret --name "$one" --secret-string other
printf '{"user":"a","password":"p\\"$%%\\\\"}' >value.json
is 'create-secret from a file' "$start/file" "$(sm create-secret --name "$start/file" --secret-string file://value.json \
    --query Name)"
aws secretsmanager get-secret-value --secret-id "$start/file" --query SecretString --output text | head -c -1 >got.json
same_bytes 'the file comes back' value.json got.json
head -c 5000 /dev/urandom >value.bin
is 'create-secret from a binary file' "$start/binary" "$(sm create-secret --name "$start/binary" \
    --secret-binary fileb://value.bin --query Name)"
sm get-secret-value --secret-id "$start/binary" --query SecretBinary | base64 --decode >got.bin
same_bytes 'the binary file comes back' value.bin got.bin
is 'a binary has no string' None "$(sm get-secret-value --secret-id "$start/binary" --query SecretString)"
printf '{"Name":"%s/json","Description":"by json","SecretString":"from json","Tags":[{"Key":"k","Value":"v"}]}' "$start" >in.json
matches 'create-secret by --cli-input-json' "$start/json"$'\t'"$uuid" "$(sm create-secret --cli-input-json file://in.json \
    --query '[Name,VersionId]')"
is 'create-secret without a value' "$start/empty"$'\t'None "$(sm create-secret --name "$start/empty" --query '[Name,VersionId]')"

# get-secret-value
is 'get-secret-value by name' first "$(sm get-secret-value --secret-id "$one" --query SecretString)"
is 'get-secret-value by ARN' first "$(sm get-secret-value --secret-id "$arn" --query SecretString)"
is 'get-secret-value tells all' "$arn"$'\t'"$one"$'\t'$token$'\t'first$'\t'AWSCURRENT \
    "$(sm get-secret-value --secret-id "$one" --query '[ARN,Name,VersionId,SecretString,VersionStages[0]]')"
refuses 'get-secret-value of nothing' GetSecretValue ResourceNotFoundException "$not_found" \
    get-secret-value --secret-id "$absent"
refuses 'get-secret-value without a value' GetSecretValue ResourceNotFoundException \
    "Secrets Manager can't find the specified secret value for staging label: AWSCURRENT" \
    get-secret-value --secret-id "$start/empty"
refuses 'get-secret-value of an absent label' GetSecretValue ResourceNotFoundException \
    "Secrets Manager can't find the specified secret value for staging label: BLUE" \
    get-secret-value --secret-id "$one" --version-stage BLUE
is 'as JSON' '"first"' "$(aws secretsmanager get-secret-value --secret-id "$one" --query SecretString --output json)"
is 'as a table' 0 "$(aws secretsmanager describe-secret --secret-id "$one" --output table >/dev/null; echo $?)"

# put-secret-value
second=$(sm put-secret-value --secret-id "$one" --secret-string second --query VersionId)
matches 'put-secret-value makes a version' "$uuid" "$second"
is 'the new value is current' second "$(sm get-secret-value --secret-id "$one" --query SecretString)"
is 'the old one is previous' first "$(sm get-secret-value --secret-id "$one" --version-stage AWSPREVIOUS --query SecretString)"
is 'the old one by its id' first "$(sm get-secret-value --secret-id "$one" --version-id $token --query SecretString)"
blue=$(sm put-secret-value --secret-id "$one" --secret-binary fileb://value.bin --version-stages BLUE SKY \
    --query 'join(`:`, [VersionId, join(`,`, sort(VersionStages))])')
matches 'put-secret-value with labels' "$uuid:BLUE,SKY" "$blue"
refuses 'put-secret-value without a value' PutSecretValue InvalidRequestException \
    'You must provide either SecretString or SecretBinary.' put-secret-value --secret-id "$one"
refuses 'put-secret-value with two values' PutSecretValue InvalidParameterException \
    "You can't specify both a binary secret value and a string secret value in the same secret." \
    put-secret-value --secret-id "$one" --secret-string a --secret-binary fileb://value.bin
refuses 'put-secret-value with a token in use' PutSecretValue ResourceExistsException \
    "You can't use ClientRequestToken $token because that value is already in use for a version of secret $arn." \
    put-secret-value --secret-id "$one" --secret-string other --client-request-token $token

# update-secret
is 'update-secret of words makes no version' "$one"$'\t'None "$(sm update-secret --secret-id "$one" \
    --description 'other words' --query '[Name,VersionId]')"
third=$(sm update-secret --secret-id "$one" --secret-string third --query VersionId)
matches 'update-secret of a value makes one' "$uuid" "$third"
is 'the updated value' third "$(sm get-secret-value --secret-id "$one" --query SecretString)"

# describe-secret and list-secret-version-ids
is 'describe-secret' "$arn"$'\t'"$one"$'\t''other words'$'\t'None "$(sm describe-secret --secret-id "$one" \
    --query '[ARN,Name,Description,KmsKeyId]')"
is 'describe-secret shows labels' AWSCURRENT "$(sm describe-secret --secret-id "$one" \
    --query "VersionIdsToStages.\"$third\"[0]")"
is 'describe-secret shows tags' 'core'$'\t''a b' "$(sm describe-secret --secret-id "$one" \
    --query "[Tags[?Key=='team'].Value|[0], Tags[?Key=='with space'].Value|[0]]")"
is 'list-secret-version-ids' 3 "$(sm list-secret-version-ids --secret-id "$one" --query 'length(Versions)')"
is 'list-secret-version-ids with all' 4 "$(sm list-secret-version-ids --secret-id "$one" --include-deprecated \
    --query 'length(Versions)')"
is 'list-secret-version-ids by pages' 2 "$(sm list-secret-version-ids --secret-id "$one" --include-deprecated --max-results 2 \
    --query 'length(Versions)')"

# update-secret-version-stage
is 'update-secret-version-stage rolls back' "$one" "$(sm update-secret-version-stage --secret-id "$one" \
    --version-stage AWSCURRENT --move-to-version-id "$second" --remove-from-version-id "$third" --query Name)"
is 'the value is rolled back' second "$(sm get-secret-value --secret-id "$one" --query SecretString)"
refuses 'update-secret-version-stage unnamed' UpdateSecretVersionStage InvalidParameterException \
    "The parameter RemoveFromVersionId can't be empty. Staging label AWSCURRENT is currently attached to version $second, \
so you must explicitly reference that version in RemoveFromVersionId." \
    update-secret-version-stage --secret-id "$one" --version-stage AWSCURRENT --move-to-version-id "$third"
refuses 'AWSCURRENT stays' UpdateSecretVersionStage InvalidParameterException \
    $'You can only move staging label AWSCURRENT to a different secret version. It can\u2019t be completely removed.' \
    update-secret-version-stage --secret-id "$one" --version-stage AWSCURRENT --remove-from-version-id "$second"
