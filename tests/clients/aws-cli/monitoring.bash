# CloudWatch and metric filters, as a user follows docs/monitoring.md by hand. Sourced by `commands`.

service=cloudwatch
name="$start-alarm"
group=CloudTrail/DefaultLogGroup
pattern='{ ($.eventName = *) && ($.errorMessage = "*secret because it was marked for deletion*") }'

cw() {
    aws cloudwatch --output text "$@" 2>&1 || true
}

filters() {
    aws logs --output text "$@" 2>&1 || true
}

is 'put-metric-data' '' "$(cw put-metric-data --namespace "$start" --metric-name m --value 2.5 --unit Count --dimensions a=b)"
is 'list-metrics' 'm' "$(cw list-metrics --namespace "$start" --dimensions Name=a,Value=b --query 'Metrics[].MetricName')"
is 'get-metric-statistics' '2.5' "$(cw get-metric-statistics --namespace "$start" --metric-name m --dimensions Name=a,Value=b \
    --start-time "$(date -u -d '-1 hour' +%FT%TZ)" --end-time "$(date -u -d '+1 hour' +%FT%TZ)" --period 3600 \
    --statistics Sum --query 'Datapoints[].Sum')"
is 'put-metric-filter' '' "$(filters put-metric-filter --log-group-name "$group" --filter-name "$start" \
    --filter-pattern "$pattern" --metric-transformations "metricName=gone,metricNamespace=$start,metricValue=1")"
is 'describe-metric-filters' "$pattern" "$(filters describe-metric-filters --log-group-name "$group" \
    --filter-name-prefix "$start" --query 'metricFilters[].filterPattern')"
is 'test-metric-filter' '2' "$(filters test-metric-filter --filter-pattern '{ $.a > 1 }' \
    --log-event-messages '{"a":1}' '{"a":2}' --query 'matches[].eventNumber')"
is 'delete-metric-filter' '' "$(filters delete-metric-filter --log-group-name "$group" --filter-name "$start")"
is 'put-metric-alarm' '' "$(cw put-metric-alarm --alarm-name "$name" --namespace "$start" --metric-name gone --statistic Sum \
    --period 60 --evaluation-periods 1 --threshold 1 --comparison-operator GreaterThanOrEqualToThreshold \
    --treat-missing-data notBreaching --tags Key=team,Value=blue)"
arn=$(cw describe-alarms --alarm-names "$name" --query 'MetricAlarms[].AlarmArn')
matches 'describe-alarms' "arn:aws:cloudwatch:us-east-1:[0-9]{12}:alarm:$name" "$arn"
is 'list-tags-for-resource' 'blue' "$(cw list-tags-for-resource --resource-arn "$arn" --query 'Tags[].Value')"
is 'set-alarm-state' '' "$(cw set-alarm-state --alarm-name "$name" --state-value ALARM --state-reason tried)"
is 'describe-alarm-history' "Alarm \"$name\" created" "$(cw describe-alarm-history --alarm-name "$name" \
    --history-item-type ConfigurationUpdate --query 'AlarmHistoryItems[].HistorySummary')"
refuses 'put-metric-alarm with a topic' PutMetricAlarm ValidationError '*' put-metric-alarm --alarm-name "$name" \
    --namespace "$start" --metric-name gone --statistic Sum --period 60 --evaluation-periods 1 --threshold 1 \
    --comparison-operator GreaterThanThreshold --alarm-actions arn:aws:sns:us-east-1:111111111111:ops
is 'delete-alarms' '' "$(cw delete-alarms --alarm-names "$name")"
refuses 'set-alarm-state of none' SetAlarmState ResourceNotFound "The alarm $name does not exist." \
    set-alarm-state --alarm-name "$name" --state-value OK --state-reason tried
service=secretsmanager
