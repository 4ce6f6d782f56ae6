# Policies, deletion and keys. Sourced by `commands`.

arn=$(sm create-secret --name "$one" --secret-string second --query ARN)

# put-, get-, list- and delete-resource-policy
printf '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"secretsmanager:RotateSecret","Resource":"*"}]}' \
    >policy.json
is 'put-resource-policy' "$one" "$(sm put-resource-policy --secret-id "$one" --resource-policy file://policy.json \
    --block-public-policy --query Name)"
is 'get-resource-policy' "$arn"$'\t'secretsmanager:RotateSecret "$(sm get-resource-policy --secret-id "$one" \
    --query 'ARN')"$'\t'"$(sm get-resource-policy --secret-id "$one" --query ResourcePolicy | grep -o 'secretsmanager:RotateSecret')"
is 'list-resource-policies' default "$(newer list-resource-policies --secret-id "$one" \
    --query 'ResourcePolicies[].PolicyName')"
is 'get-resource-policy by name' default "$(newer get-resource-policy --secret-id "$one" --policy-name default \
    --query PolicyName)"
refuses 'put-resource-policy of no policy' PutResourcePolicy MalformedPolicyDocumentException \
    'This resource policy contains a syntax error.' put-resource-policy --secret-id "$one" --resource-policy '{'
is 'delete-resource-policy' "$one" "$(sm delete-resource-policy --secret-id "$one" --query Name)"
is 'no policy is left' None "$(sm get-resource-policy --secret-id "$one" --query ResourcePolicy)"

# delete-secret and restore-secret
is 'delete-secret' "$one" "$(sm delete-secret --secret-id "$one" --recovery-window-in-days 7 --query Name)"
refuses 'a deleted secret is closed' GetSecretValue InvalidRequestException \
    "You can't perform this operation on the secret because it was marked for deletion." get-secret-value --secret-id "$one"
listed() {
    sm list-secrets --filters "Key=name,Values=$start" "$@" --query 'SecretList[].Name'
}
is 'a deleted secret is not listed' '' "$(listed)"
is 'unless asked for' "$one" "$(listed --include-planned-deletion)"
is 'restore-secret' "$one" "$(sm restore-secret --secret-id "$one" --query Name)"
is 'a restored secret is whole' second "$(sm get-secret-value --secret-id "$one" --query SecretString)"
refuses 'delete-secret with a wrong window' DeleteSecret InvalidParameterException \
    'The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).' \
    delete-secret --secret-id "$one" --recovery-window-in-days 3
is 'delete-secret by force' "$one" "$(sm delete-secret --secret-id "$arn" --force-delete-without-recovery --query Name)"
is 'delete-secret by force of nothing' "$absent" "$(sm delete-secret --secret-id "$absent" \
    --force-delete-without-recovery --query Name)"
is 'nothing is left' '' "$(listed --include-planned-deletion)"

# Other keys
AWS_ACCESS_KEY_ID=AKIAZZZZZZZZZZZZZZZZ AWS_SECRET_ACCESS_KEY=x refuses 'an unknown key' ListSecrets \
    UnrecognizedClientException 'The security token included in the request is invalid.' list-secrets
AWS_REGION=eu-west-1 AWS_DEFAULT_REGION=eu-west-1 refuses 'another region' ListSecrets InvalidSignatureException '*' list-secrets
