# The policies that the User Guide prints under "Permissions policy examples", each as the guide describes it. Sourced by
# `commands`.

# iam COMMAND…, sts COMMAND…: commands of those services, their output as text.
iam() {
    aws iam --output text "$@" 2>&1 || true
}
sts() {
    aws sts --output text "$@" 2>&1 || true
}

account=$(sts get-caller-identity --query Account)

# user NAME: makes a user and says its keys, for `as`.
user() {
    iam create-user --user-name "$start-$1" >/dev/null
    iam create-access-key --user-name "$start-$1" --query 'AccessKey.[AccessKeyId,SecretAccessKey]'
}

# as KEYS COMMAND…: runs a command as somebody else: an access key id, its secret, and for a session its token.
as() {
    local id secret token
    read -r id secret token <<<"$1"
    shift
    AWS_ACCESS_KEY_ID=$id AWS_SECRET_ACCESS_KEY=$secret AWS_SESSION_TOKEN=${token:-} "$@"
}

# grants NAME POLICY: the user's one inline policy from now on.
grants() {
    iam put-user-policy --user-name "$start-$1" --policy-name p --policy-document "$2"
}

# denies NAME OPERATION KEYS COMMAND…
denies() {
    local name=$1 operation=$2 keys=$3
    shift 3
    as "$keys" refuses "$name" "$operation" AccessDeniedException '*' "$@"
}

value() {
    sm get-secret-value --secret-id "$1" --query SecretString
}

test_env=$(sm create-secret --name "$start/TestEnv/one" --secret-string in-env --query ARN)
other=$(sm create-secret --name "$start/other" --secret-string elsewhere --query ARN)
worker=$(user worker)
denies 'without a policy nothing is allowed' GetSecretValue "$worker" get-secret-value --secret-id "$other"

# Read one secret (attach to a secret), by a role.
iam create-role --role-name "$start-EC2RoleToAccessSecrets" --assume-role-policy-document \
    "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"arn:aws:iam::$account:user/$start-worker\"},\"Action\":\"sts:AssumeRole\"}]}" \
    >/dev/null
role_arn="arn:aws:iam::$account:role/$start-EC2RoleToAccessSecrets"
role=$(as "$worker" sts assume-role --role-arn "$role_arn" --role-session-name work \
    --query 'Credentials.[AccessKeyId,SecretAccessKey,SessionToken]')
is 'the session is the role'\''s' "arn:aws:sts::$account:assumed-role/$start-EC2RoleToAccessSecrets/work" \
    "$(as "$role" sts get-caller-identity --query Arn)"
denies 'a role without policies reads nothing' GetSecretValue "$role" get-secret-value --secret-id "$other"
sm put-resource-policy --secret-id "$other" --resource-policy "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"$role_arn\"},\"Action\":\"secretsmanager:GetSecretValue\",\"Resource\":\"*\"}]}" \
    >/dev/null
is 'read one secret, attached to the secret' elsewhere "$(as "$role" value "$other")"
denies 'no other operation' DescribeSecret "$role" describe-secret --secret-id "$other"
denies 'no other secret' GetSecretValue "$role" get-secret-value --secret-id "$test_env"
denies 'nobody else' GetSecretValue "$worker" get-secret-value --secret-id "$other"
sm delete-resource-policy --secret-id "$other" >/dev/null

# Read one secret (attach to an identity).
grants worker "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"secretsmanager:GetSecretValue\",\"Resource\":\"$other\"}]}"
is 'read one secret, attached to an identity' elsewhere "$(as "$worker" value "$other")"
denies 'only that secret' GetSecretValue "$worker" get-secret-value --secret-id "$test_env"

# Access all secrets in a path.
grants worker "{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"secretsmanager:GetSecretValue\",\"Resource\":\"arn:aws:secretsmanager:us-east-1:$account:secret:$start/TestEnv/*\"}}"
is 'all secrets in a path' in-env "$(as "$worker" value "$start/TestEnv/one")"
denies 'not those of another path' GetSecretValue "$worker" get-secret-value --secret-id "$other"

# Access metadata on all secrets.
grants worker '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["secretsmanager:DescribeSecret","secretsmanager:List*"],"Resource":"*"}}'
is 'metadata: describe' "$start/other" "$(as "$worker" sm describe-secret --secret-id "$other" --query Name)"
is 'metadata: list' "$start/other" "$(as "$worker" sm list-secrets --filters "Key=name,Values=$start/other" --query 'SecretList[].Name')"
matches 'metadata: versions' "$uuid" "$(as "$worker" sm list-secret-version-ids --secret-id "$other" --query 'Versions[].VersionId')"
denies 'no value' GetSecretValue "$worker" get-secret-value --secret-id "$other"

# Match secret name: also a secret that does not exist yet.
grants worker "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"secretsmanager:*\",\"Resource\":[\"$other\",\"arn:aws:secretsmanager:us-east-1:$account:secret:$start/later-??????\"]}]}"
is 'match the name of a secret that is' elsewhere "$(as "$worker" value "$other")"
is 'match the name of one to come' "$start/later" "$(as "$worker" sm create-secret --name "$start/later" --secret-string v --query Name)"
is 'and read it' v "$(as "$worker" value "$start/later")"
denies 'not a longer name' CreateSecret "$worker" create-secret --name "$start/later-on" --secret-string v

# Create secrets, by a group.
iam create-group --group-name "$start-creators" >/dev/null
iam put-group-policy --group-name "$start-creators" --policy-name p --policy-document \
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["secretsmanager:CreateSecret","secretsmanager:ListSecrets"],"Resource":"*"}]}'
maker=$(user maker)
denies 'before it is in the group' CreateSecret "$maker" create-secret --name "$start/made" --secret-string v
iam add-user-to-group --group-name "$start-creators" --user-name "$start-maker"
is 'create secrets' "$start/made" "$(as "$maker" sm create-secret --name "$start/made" --secret-string v --query Name)"
denies 'but not read them' GetSecretValue "$maker" get-secret-value --secret-id "$start/made"
denies 'nor tag them' CreateSecret "$maker" create-secret --name "$start/tagged" --secret-string v --tags Key=a,Value=b

# Require requests to come through a VPC endpoint; from a VPC.
through() {
    AWS_ENDPOINT_URL_SECRETS_MANAGER=$STRONGROOM_PRIVATE_ENDPOINT "$@"
}
require() {
    sm put-resource-policy --secret-id "$other" --resource-policy "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Sid\":\"RestrictGetSecretValueoperation\",\"Effect\":\"Deny\",\"Principal\":\"*\",\"Action\":\"secretsmanager:GetSecretValue\",\"Resource\":\"*\",\"Condition\":{\"StringNotEquals\":{\"$1\":\"$2\"}}}]}" \
        >/dev/null
}
require aws:sourceVpce vpce-1234a5678b9012c
is 'through the endpoint' elsewhere "$(through value "$other")"
refuses 'not beside it' GetSecretValue AccessDeniedException '*' get-secret-value --secret-id "$other"
require aws:sourceVpce vpce-0
through refuses 'not through another one' GetSecretValue AccessDeniedException '*' get-secret-value --secret-id "$other"
require aws:sourceVpc vpc-2b2b2b2b
is 'from the VPC' elsewhere "$(through value "$other")"
refuses 'not from elsewhere' GetSecretValue AccessDeniedException '*' get-secret-value --secret-id "$other"
sm delete-resource-policy --secret-id "$other" >/dev/null

# Secrets with a specific tag.
grants worker '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"secretsmanager:DescribeSecret","Resource":"*","Condition":{"StringEquals":{"secretsmanager:ResourceTag/ServerName":"ServerABC"}}}}'
denies 'a secret without the tag' DescribeSecret "$worker" describe-secret --secret-id "$other"
sm tag-resource --secret-id "$other" --tags Key=ServerName,Value=ServerABC Key=AccessProject,Value=blue >/dev/null
is 'a secret with the tag' "$start/other" "$(as "$worker" sm describe-secret --secret-id "$other" --query Name)"

# Roles that have the same tags as secrets. The account is the principal, so the role's own policy has to allow as well.
sm put-resource-policy --secret-id "$other" --resource-policy "{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"$account\"},\"Condition\":{\"StringEquals\":{\"aws:ResourceTag/AccessProject\":\"\${ aws:PrincipalTag/AccessProject }\"}},\"Action\":\"secretsmanager:GetSecretValue\",\"Resource\":\"*\"}}" \
    >/dev/null
iam put-role-policy --role-name "$start-EC2RoleToAccessSecrets" --policy-name p --policy-document \
    '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"secretsmanager:GetSecretValue","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/AccessProject":"${aws:PrincipalTag/AccessProject}"}}}}'
denies 'a role without the tag' GetSecretValue "$role" get-secret-value --secret-id "$other"
iam tag-role --role-name "$start-EC2RoleToAccessSecrets" --tags Key=AccessProject,Value=blue
is 'a role with the same tag' elsewhere "$(as "$role" value "$other")"
iam tag-role --role-name "$start-EC2RoleToAccessSecrets" --tags Key=AccessProject,Value=red
denies 'a role with another tag' GetSecretValue "$role" get-secret-value --secret-id "$other"

# A grant to a user is that user's: another one of the same name does not have it.
sm put-resource-policy --secret-id "$test_env" --resource-policy "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":{\"AWS\":[\"arn:aws:iam::$account:user/$start-maker\"]},\"Action\":\"secretsmanager:GetSecretValue\",\"Resource\":\"*\"}]}" \
    >/dev/null
is 'a grant to a user' in-env "$(as "$maker" value "$test_env")"
iam remove-user-from-group --group-name "$start-creators" --user-name "$start-maker"
iam delete-access-key --user-name "$start-maker" --access-key-id "${maker%%$'\t'*}"
iam delete-user --user-name "$start-maker"
again=$(user maker)
denies 'not to the next one of that name' GetSecretValue "$again" get-secret-value --secret-id "$test_env"

# A service principal: nobody who signs with a key is one.
sm put-resource-policy --secret-id "$test_env" --resource-policy "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":{\"Service\":[\"lambda.amazonaws.com\"]},\"Action\":\"secretsmanager:GetSecretValue\",\"Resource\":\"*\",\"Condition\":{\"ArnLike\":{\"aws:sourceArn\":\"arn:aws:lambda::$account:*\"},\"StringEquals\":{\"aws:sourceAccount\":\"$account\"}}}]}" \
    >/dev/null
denies 'a service is nobody else' GetSecretValue "$role" get-secret-value --secret-id "$test_env"

# Broad access, lock-out, principals that are not there.
refuses 'no broad access when it is blocked' PutResourcePolicy PublicPolicyException '*' put-resource-policy \
    --secret-id "$other" --block-public-policy --resource-policy \
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"secretsmanager:GetSecretValue","Resource":"*"}]}'
refuses 'no principal that is not there' PutResourcePolicy MalformedPolicyDocumentException \
    'This resource policy contains an unsupported principal.' put-resource-policy --secret-id "$other" --resource-policy \
    "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"arn:aws:iam::$account:role/$absent\"},\"Action\":\"secretsmanager:GetSecretValue\",\"Resource\":\"*\"}]}"
refuses 'nobody locks themselves out' PutResourcePolicy InvalidRequestException '*' put-resource-policy \
    --secret-id "$other" --resource-policy \
    '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"secretsmanager:PutResourcePolicy","Resource":"*"}]}'
is 'a policy that passes' True "$(sm validate-resource-policy --secret-id "$other" --resource-policy \
    "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"$role_arn\"},\"Action\":\"secretsmanager:GetSecretValue\",\"Resource\":\"*\"}]}" \
    --query PolicyValidationPassed)"
is 'a policy that does not' False "$(sm validate-resource-policy --secret-id "$other" --resource-policy \
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"secretsmanager:GetSecretValue","Resource":"*"}]}' \
    --query PolicyValidationPassed)"
