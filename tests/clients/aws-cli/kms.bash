# Keys of KMS: the commands that users paste, files encrypted and decrypted, secrets under a key of one's own. Sourced by
# `commands`.

service=kms

# kms COMMAND…: a command of KMS, its output as text.
kms() {
    aws kms --output text "$@" 2>&1 || true
}

account=$(aws sts get-caller-identity --query Account --output text)
region_arn="arn:aws:kms:$AWS_REGION:$account"
alias_name="alias/$start"
printf 'plain \0 \377 text' >plain

# create-key, describe-key, list-keys
key=$(kms create-key --description 'from a terminal' --tags TagKey=team,TagValue=core --query KeyMetadata.KeyId)
matches 'create-key answers' "$uuid" "$key"
is 'describe-key' "$region_arn:key/$key"$'\t''from a terminal'$'\t'Enabled$'\t'SYMMETRIC_DEFAULT$'\t'ENCRYPT_DECRYPT$'\t'CUSTOMER \
    "$(kms describe-key --key-id "$key" --query 'KeyMetadata.[Arn,Description,KeyState,KeySpec,KeyUsage,KeyManager]')"
is 'list-keys' "$region_arn:key/$key" "$(kms list-keys --query "Keys[?KeyId=='$key'].KeyArn")"
is 'list-keys by pages' "$key" "$(kms list-keys --page-size 1 --query "Keys[?KeyId=='$key'].KeyId" | tr -d '\n')"
is 'update-key-description' '' "$(kms update-key-description --key-id "$key" --description 'other words')"
is 'list-resource-tags' team$'\t'core "$(kms list-resource-tags --key-id "$key" --query 'Tags[].[TagKey,TagValue]')"
is 'tag-resource' '' "$(kms tag-resource --key-id "$key" --tags TagKey=team,TagValue=red)"
is 'untag-resource' '' "$(kms untag-resource --key-id "$key" --tag-keys team)"
is 'no tag is left' '' "$(kms list-resource-tags --key-id "$key" --query 'Tags[]')"
refuses 'describe-key of nothing' DescribeKey NotFoundException "Invalid keyId 'nothing'" describe-key --key-id nothing

# create-alias, list-aliases, update-alias, delete-alias
is 'create-alias' '' "$(kms create-alias --alias-name "$alias_name" --target-key-id "$key")"
refuses 'create-alias again' CreateAlias AlreadyExistsException "An alias with the name $region_arn:$alias_name already exists" \
    create-alias --alias-name "$alias_name" --target-key-id "$key"
is 'list-aliases' "$alias_name"$'\t'"$region_arn:$alias_name" "$(kms list-aliases --key-id "$key" \
    --query 'Aliases[].[AliasName,AliasArn]')"
other=$(kms create-key --query KeyMetadata.KeyId)
is 'update-alias' '' "$(kms update-alias --alias-name "$alias_name" --target-key-id "$other")"
is 'it leads elsewhere' "$other" "$(kms describe-key --key-id "$alias_name" --query KeyMetadata.KeyId)"
is 'and back' '' "$(kms update-alias --alias-name "$alias_name" --target-key-id "$key")"

# encrypt and decrypt a file, as the CLI's reference shows it
aws kms encrypt --key-id "$alias_name" --plaintext fileb://plain --output text --query CiphertextBlob | base64 --decode >sealed
aws kms decrypt --ciphertext-blob fileb://sealed --key-id "$alias_name" --output text --query Plaintext | base64 --decode >opened
same_bytes 'encrypt and decrypt a file' plain opened
aws kms decrypt --ciphertext-blob fileb://sealed --output text --query Plaintext | base64 --decode >opened
same_bytes 'decrypt without naming the key' plain opened
is 'decrypt tells the key' "$region_arn:key/$key" "$(kms decrypt --ciphertext-blob fileb://sealed --query KeyId)"
refuses 'decrypt by another key' Decrypt IncorrectKeyException \
    'The key ID in the request does not identify a CMK that can perform this operation.' \
    decrypt --ciphertext-blob fileb://sealed --key-id "$other"
refuses 'decrypt with another context' Decrypt InvalidCiphertextException '' \
    decrypt --ciphertext-blob fileb://sealed --encryption-context Department=IT
aws kms encrypt --key-id "$key" --plaintext fileb://plain --encryption-context Department=IT,Stage=test --output text \
    --query CiphertextBlob | base64 --decode >sealed-in-context
aws kms re-encrypt --ciphertext-blob fileb://sealed-in-context --source-encryption-context Stage=test,Department=IT \
    --destination-key-id "$other" --output text --query CiphertextBlob | base64 --decode >moved
aws kms decrypt --ciphertext-blob fileb://moved --key-id "$other" --output text --query Plaintext | base64 --decode >opened
same_bytes 're-encrypt' plain opened
refuses 'a dry run' Encrypt DryRunOperationException 'The request would have succeeded, but the DryRun option is set.' \
    encrypt --key-id "$key" --plaintext fileb://plain --dry-run

# generate-data-key, generate-random
read -r data_key sealed_key <<<"$(kms generate-data-key --key-id "$key" --key-spec AES_256 --query '[Plaintext,CiphertextBlob]')"
base64 --decode <<<"$sealed_key" >sealed-key
is 'generate-data-key' "$data_key" "$(kms decrypt --ciphertext-blob fileb://sealed-key --query Plaintext)"
is 'generate-data-key-without-plaintext' None "$(kms generate-data-key-without-plaintext --key-id "$key" --key-spec AES_256 \
    --query Plaintext)"
is 'generate-random' 32 "$(kms generate-random --number-of-bytes 32 --query Plaintext | base64 --decode | wc -c)"

# generate-mac, verify-mac
mac_key=$(kms create-key --key-spec HMAC_384 --key-usage GENERATE_VERIFY_MAC --query KeyMetadata.KeyId)
aws kms generate-mac --key-id "$mac_key" --message fileb://plain --mac-algorithm HMAC_SHA_384 --output text --query Mac \
    | base64 --decode >mac
is 'generate-mac' 48 "$(wc -c <mac)"
is 'verify-mac' True "$(kms verify-mac --key-id "$mac_key" --message fileb://plain --mac-algorithm HMAC_SHA_384 --mac fileb://mac \
    --query MacValid)"
refuses 'verify-mac of another message' VerifyMac KMSInvalidMacException '' verify-mac --key-id "$mac_key" \
    --message fileb://sealed --mac-algorithm HMAC_SHA_384 --mac fileb://mac

# rotation
is 'enable-key-rotation' '' "$(kms enable-key-rotation --key-id "$key" --rotation-period-in-days 180)"
is 'get-key-rotation-status' True$'\t'180 "$(kms get-key-rotation-status --key-id "$key" \
    --query '[KeyRotationEnabled,RotationPeriodInDays]')"
is 'rotate-key-on-demand' "$region_arn:key/$key" "$(kms rotate-key-on-demand --key-id "$key" --query KeyId)"
is 'list-key-rotations' ON_DEMAND "$(kms list-key-rotations --key-id "$key" --query 'Rotations[].RotationType')"
aws kms decrypt --ciphertext-blob fileb://sealed --output text --query Plaintext | base64 --decode >opened
same_bytes 'what was encrypted before opens' plain opened
is 'disable-key-rotation' '' "$(kms disable-key-rotation --key-id "$key")"

# key policies
is 'list-key-policies' default "$(kms list-key-policies --key-id "$key" --query PolicyNames)"
kms get-key-policy --key-id "$key" --policy-name default --query Policy >policy.json
is 'put-key-policy' '' "$(kms put-key-policy --key-id "$key" --policy-name default --policy file://policy.json)"
matches 'get-key-policy' ".*arn:aws:iam::$account:root.*" "$(tr -d '\n' <policy.json)"
printf '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::%s:user/%s-absent"},"Action":"kms:*","Resource":"*"}]}' \
    "$account" "$start" >wrong.json
refuses 'put-key-policy for nobody' PutKeyPolicy MalformedPolicyDocumentException \
    'Policy contains a statement with one or more invalid principals.' \
    put-key-policy --key-id "$key" --policy-name default --policy file://wrong.json

# grants
grant=$(kms create-grant --key-id "$key" --grantee-principal "arn:aws:iam::$account:root" --operations Decrypt Encrypt \
    --name from-a-terminal --constraints 'EncryptionContextSubset={Department=IT}' --query GrantId)
matches 'create-grant' '[0-9a-f]{64}' "$grant"
is 'list-grants' "$grant"$'\t'from-a-terminal$'\t'IT "$(kms list-grants --key-id "$key" \
    --query 'Grants[].[GrantId,Name,Constraints.EncryptionContextSubset.Department]')"
is 'retire-grant' '' "$(kms retire-grant --key-id "$region_arn:key/$key" --grant-id "$grant")"
grant=$(kms create-grant --key-id "$key" --grantee-principal "arn:aws:iam::$account:root" \
    --retiring-principal "arn:aws:iam::$account:root" --operations Decrypt --query GrantId)
is 'list-retirable-grants' "$grant" "$(kms list-retirable-grants --retiring-principal "arn:aws:iam::$account:root" \
    --query "Grants[?GrantId=='$grant'].GrantId")"
is 'revoke-grant' '' "$(kms revoke-grant --key-id "$key" --grant-id "$grant")"

# a secret under the key
is 'a secret under the key' "$one" "$(sm create-secret --name "$one" --secret-string first --kms-key-id "$alias_name" --query Name)"
is 'it is read' first "$(sm get-secret-value --secret-id "$one" --query SecretString)"
is 'it tells its key' "$alias_name" "$(sm describe-secret --secret-id "$one" --query KmsKeyId)"
is 'and its version does' "$alias_name" "$(sm list-secret-version-ids --secret-id "$one" --query 'Versions[].KmsKeyIds[]')"

# disable-key, schedule-key-deletion and back
is 'disable-key' '' "$(kms disable-key --key-id "$key")"
refuses 'a disabled key encrypts nothing' Encrypt DisabledException "$region_arn:key/$key is disabled." \
    encrypt --key-id "$key" --plaintext fileb://plain
service=secretsmanager refuses 'and its secrets stay closed' GetSecretValue DecryptionFailure \
    "Secrets Manager can't decrypt the protected secret text using the provided KMS key." get-secret-value --secret-id "$one"
is 'enable-key' '' "$(kms enable-key --key-id "$key")"
is 'schedule-key-deletion' PendingDeletion$'\t'7 "$(kms schedule-key-deletion --key-id "$key" --pending-window-in-days 7 \
    --query '[KeyState,PendingWindowInDays]')"
refuses 'it decrypts nothing' Decrypt KMSInvalidStateException "$region_arn:key/$key is pending deletion." \
    decrypt --ciphertext-blob fileb://sealed
is 'cancel-key-deletion' "$region_arn:key/$key" "$(kms cancel-key-deletion --key-id "$key" --query KeyId)"
is 'it is disabled then' Disabled "$(kms describe-key --key-id "$key" --query KeyMetadata.KeyState)"
is 'enabled again' '' "$(kms enable-key --key-id "$key")"
is 'its secret is read again' first "$(sm get-secret-value --secret-id "$one" --query SecretString)"
is 'delete-alias' '' "$(kms delete-alias --alias-name "$alias_name")"
