# Functions: made, read, let in and removed as a user does by hand. Sourced by `commands`.

service=lambda
name="$start-f"
trust='{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}'
role=$(aws iam create-role --role-name "$name" --assume-role-policy-document "$trust" --query Role.Arn --output text)
printf 'def handler(event, context):\n    return event\n' >index.py
python3 -m zipfile -c code.zip index.py

lam() {
    aws lambda --output text "$@" 2>&1 || true
}

is 'create-function' 'python3.13' "$(lam create-function --function-name "$name" --runtime python3.13 --role "$role" \
    --handler index.handler --zip-file fileb://code.zip --query Runtime)"
refuses 'create-function again' CreateFunction ResourceConflictException "Function already exist: $name" \
    create-function --function-name "$name" --runtime python3.13 --role "$role" --handler index.handler --zip-file fileb://code.zip
arn=$(lam get-function --function-name "$name" --query Configuration.FunctionArn)
matches 'get-function' "arn:aws:lambda:us-east-1:[0-9]{12}:function:$name" "$arn"
matches 'add-permission' '.*secretsmanager.amazonaws.com.*' "$(lam add-permission --function-name "$name" \
    --statement-id rotation --action lambda:InvokeFunction --principal secretsmanager.amazonaws.com)"
matches 'get-policy' ".*\"Resource\":\"$arn\".*" "$(lam get-policy --function-name "$name" --query Policy)"
is 'remove-permission' '' "$(lam remove-permission --function-name "$name" --statement-id rotation)"
is 'invoke, only tried' '204' "$(lam invoke --function-name "$name" --invocation-type DryRun --query StatusCode out.json)"
is 'update-function-configuration' '60' \
    "$(lam update-function-configuration --function-name "$name" --timeout 60 --query Timeout)"
is 'publish-version' '1' "$(lam publish-version --function-name "$name" --query Version)"
is 'tag-resource' '' "$(lam tag-resource --resource "$arn" --tags team=blue)"
is 'list-tags' 'blue' "$(lam list-tags --resource "$arn" --query Tags.team)"
lam delete-function --function-name "$name" >deleted
refuses 'get-function of none' GetFunction ResourceNotFoundException "Function not found: $arn" \
    get-function --function-name "$name"
aws iam delete-role --role-name "$name"
service=secretsmanager
