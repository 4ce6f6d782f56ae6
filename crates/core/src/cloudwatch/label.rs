//! The labels of results: what stands in `${…}` is worked out.

use strongroom_types::Region;

use super::metric::Metric;

/// What a label may tell of.
pub(super) struct About<'a> {
    pub(super) metric: &'a Metric,
    pub(super) stat: &'a str,
    pub(super) period_ms: i64,
    pub(super) account: &'a str,
    pub(super) region: &'a Region,
    /// The values in the order of time.
    pub(super) values: &'a [f64],
}

/// The label as it is shown. What is not known here stays as it is.
pub(super) fn shown(label: Option<&str>, about: &About<'_>) -> String {
    let Some(label) = label else { return about.metric.name.clone() };
    let mut out = String::new();
    let mut rest = label;
    while let Some((before, behind)) = rest.split_once("${") {
        out.push_str(before);
        match behind.split_once('}').and_then(|(name, behind)| Some((value(name.trim(), about)?, behind))) {
            Some((value, behind)) => {
                out.push_str(&value);
                rest = behind;
            }
            None => {
                out.push_str("${");
                rest = behind;
            }
        }
    }
    out + rest
}

fn value(name: &str, about: &About<'_>) -> Option<String> {
    let values = about.values;
    let number = |value: Option<f64>| Some(value.map_or_else(|| "--".to_owned(), |value| value.to_string()));
    let fold = |pick: fn(f64, f64) -> f64| number(values.iter().copied().reduce(pick));
    #[expect(clippy::cast_precision_loss, reason = "a result has at most 100 800 values")]
    let count = values.len() as f64;
    match name {
        "LABEL" => Some(about.metric.name.clone()),
        "MIN" => fold(f64::min),
        "MAX" => fold(f64::max),
        "SUM" => fold(|sum, value| sum + value),
        "AVG" => number(values.iter().copied().reduce(|sum, value| sum + value).map(|sum| sum / count)),
        "RANGE" => number(
            values
                .iter()
                .copied()
                .reduce(f64::max)
                .zip(values.iter().copied().reduce(f64::min))
                .map(|(max, min)| max - min),
        ),
        "FIRST" => number(values.first().copied()),
        "LAST" => number(values.last().copied()),
        "DATAPOINT_COUNT" => Some(values.len().to_string()),
        _ => property(name.strip_prefix("PROP(")?.strip_suffix(')')?.trim_matches('\''), about),
    }
}

fn property(name: &str, about: &About<'_>) -> Option<String> {
    Some(match name {
        "AccountId" => about.account.to_owned(),
        "MetricName" => about.metric.name.clone(),
        "Namespace" => about.metric.namespace.clone(),
        "Period" => (about.period_ms / 1000).to_string(),
        "Region" => about.region.to_string(),
        "Stat" => about.stat.to_owned(),
        other => about.metric.dimension(other.strip_prefix("Dim.")?)?.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_tell_of_their_metric() {
        let metric = Metric::of_service("AWS/Usage", "CallCount", "Secrets Manager", "API", "GetSecretValue");
        let region = Region::parse("eu-west-1").unwrap();
        let about = About {
            metric: &metric,
            stat: "Sum",
            period_ms: 60_000,
            account: "111111111111",
            region: &region,
            values: &[1.0, 4.0, 2.5],
        };
        let table = [
            (None, "CallCount"),
            (Some("calls"), "calls"),
            (Some("${MIN} ${MAX} ${SUM} ${AVG} ${RANGE}"), "1 4 7.5 2.5 3"),
            (Some("${FIRST}/${LAST} of ${DATAPOINT_COUNT}"), "1/2.5 of 3"),
            (Some("${PROP('Dim.Resource')} ${PROP('Stat')} ${PROP('Period')}"), "GetSecretValue Sum 60"),
            (Some("${PROP('Region')} ${PROP('AccountId')} ${LABEL}"), "eu-west-1 111111111111 CallCount"),
            (Some("${PROP('Dim.No')} ${WHAT} ${"), "${PROP('Dim.No')} ${WHAT} ${"),
        ];
        for (label, expected) in table {
            assert_eq!(shown(label, &about), expected);
        }
    }
}
