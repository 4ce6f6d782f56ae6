# Events: what was done is looked up as a user does by hand. Sourced by `commands`.

service=cloudtrail
name="$start-e"
arn=$(aws secretsmanager create-secret --name "$name" --secret-string v --query ARN --output text)
aws secretsmanager get-secret-value --secret-id "$name" >read.json

trail() {
    aws cloudtrail --output text "$@" 2>&1 || true
}

# by KEY VALUE: the names of the events, the newest first.
by() {
    trail lookup-events --lookup-attributes "AttributeKey=$1,AttributeValue=$2" --query 'join(`,`, Events[].EventName)'
}

is 'by resource name' 'GetSecretValue,CreateSecret' "$(by ResourceName "$arn")"
is 'by the name that was asked for' 'GetSecretValue,CreateSecret' "$(by ResourceName "$name")"
id=$(trail lookup-events --lookup-attributes "AttributeKey=ResourceName,AttributeValue=$arn" --query 'Events[0].EventId')
is 'by event id' 'GetSecretValue' "$(by EventId "$id")"
matches 'the record' '.*"eventID":"'"$id"'".*' "$(trail lookup-events \
    --lookup-attributes "AttributeKey=EventId,AttributeValue=$id" --query 'Events[0].CloudTrailEvent')"
is 'one event a page' $'1\n1' "$(trail lookup-events --lookup-attributes "AttributeKey=ResourceName,AttributeValue=$arn" --page-size 1 \
    --query 'length(Events)')"
is 'an early time' 'None' "$(trail lookup-events --end-time 2001-01-01T00:00:00Z --start-time 2000-01-01T00:00:00Z \
    --query 'Events[0].EventId')"
refuses 'two attributes' LookupEvents InvalidLookupAttributesException 'Only one lookup attribute can be specified.' \
    lookup-events --lookup-attributes AttributeKey=EventName,AttributeValue=a AttributeKey=EventName,AttributeValue=b
matches 'describe-trails' 'arn:aws:cloudtrail:us-east-1:[0-9]{12}:trail/strongroom' \
    "$(trail describe-trails --query 'trailList[0].TrailARN')"
is 'get-trail-status' 'True' "$(trail get-trail-status --name strongroom --query IsLogging)"
is 'get-event-selectors' 'All' "$(trail get-event-selectors --trail-name strongroom \
    --query 'EventSelectors[0].ReadWriteType')"
aws secretsmanager delete-secret --secret-id "$name" --force-delete-without-recovery >deleted
