//! What the rules of compliance ask for, with the ranges that AWS has for it.

use strongroom_core::compliance::Parameters;
use strongroom_types::Arn;

use super::Problems;

/// Hours of the longest time between two rotations that can be asked for: a year.
const HOURS_MAX: u64 = 365 * 24;
/// Days of the longest time that can be asked for.
const DAYS_MAX: u64 = 365;
/// Days since the last rotation that can be asked for at most (unconfirmed).
const SINCE_ROTATION_DAYS_MAX: u64 = 180;
/// Minutes between two rounds at most: a week.
const MINUTES_MAX: u64 = 7 * 24 * 60;
/// Tags that can be asked for at most (unconfirmed).
const TAGS_MAX: usize = 6;
/// Characters of a tag's key.
const TAG_CHARS_MAX: usize = 128;

/// Refuses what is out of range.
pub(super) fn check(parameters: &Parameters, problems: &mut Problems) {
    let mut within = |key, value: u32, most| problems.range("compliance", key, value.into(), 1, most);
    within("rotation_days_max", parameters.rotation_days_max.unwrap_or(1), DAYS_MAX);
    within("rotation_hours_max", parameters.rotation_hours_max.unwrap_or(1), HOURS_MAX);
    within("since_rotation_days_max", parameters.since_rotation_days_max, SINCE_ROTATION_DAYS_MAX);
    within("unused_days_max", parameters.unused_days_max, DAYS_MAX);
    problems.range("compliance", "evaluation_minutes", parameters.evaluation_minutes.into(), 0, MINUTES_MAX);
    for key in &parameters.kms_keys {
        let is_key = |arn: &Arn| arn.service == "kms" && arn.resource.starts_with("key/");
        if !Arn::parse(key).is_ok_and(|arn| is_key(&arn)) {
            problems.add("compliance.kms_keys", format!("{key:?} is not the ARN of a KMS key"));
        }
    }
    if parameters.required_tags.len() > TAGS_MAX {
        problems.add("compliance.required_tags", format!("more than {TAGS_MAX} tags"));
    }
    for tag in &parameters.required_tags {
        if tag.is_empty() || tag.chars().count() > TAG_CHARS_MAX {
            problems.add("compliance.required_tags", format!("{tag:?} has not from 1 to {TAG_CHARS_MAX} characters"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Config;

    #[test]
    fn the_ranges_are_those_of_aws() {
        let good = "[compliance]\nrotation_days_max = 365\nrotation_hours_max = 8760\nsince_rotation_days_max = 180\n\
                    unused_days_max = 1\nkms_keys = [\"arn:aws:kms:us-east-1:111122223333:key/1\"]\n\
                    required_tags = [\"a\", \"b\", \"c\", \"d\", \"e\", \"f\"]\n";
        let parameters = Config::load(good).unwrap().compliance;
        assert_eq!(parameters.rotation_days_max, Some(365));
        assert_eq!((parameters.unused_days_max, parameters.required_tags.len()), (1, 6));
        for wrong in [
            "rotation_days_max = 0",
            "rotation_days_max = 366",
            "rotation_hours_max = 8761",
            "since_rotation_days_max = 181",
            "unused_days_max = 0",
            "kms_keys = [\"alias/a\"]",
            "kms_keys = [\"arn:aws:kms:us-east-1:111122223333:alias/a\"]",
            "required_tags = [\"\"]",
            "required_tags = [\"a\", \"b\", \"c\", \"d\", \"e\", \"f\", \"g\"]",
        ] {
            let problems = Config::load(&format!("[compliance]\n{wrong}\n")).unwrap_err();
            let key = wrong.split(' ').next().unwrap();
            assert!(problems.iter().all(|problem| problem.key == format!("compliance.{key}")), "{problems}");
        }
    }
}
