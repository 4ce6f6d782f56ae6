//! The fields of a cron expression: numbers, names, ranges, lists and steps as sets of bits.

/// A field's range, and what may stand for a number.
pub struct Field {
    /// The least number.
    pub min: u32,
    /// The greatest number.
    pub max: u32,
    /// Names of the numbers from `min` on.
    pub names: &'static [&'static str],
    /// Whether a range may go over the end: FRI-MON.
    pub is_round: bool,
}

/// Hours of a day.
pub const HOURS: Field = Field { min: 0, max: 23, names: &[], is_round: false };
/// Days of a month.
pub const DAYS: Field = Field { min: 1, max: 31, names: &[], is_round: false };
/// Months of a year.
pub const MONTHS: Field = Field {
    min: 1,
    max: 12,
    names: &["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"],
    is_round: true,
};
/// Days of a week, from Sunday on.
pub const WEEKDAYS: Field =
    Field { min: 1, max: 7, names: &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"], is_round: true };

impl Field {
    /// A number or a name of it, in any case.
    pub fn value(&self, text: &str) -> Option<u32> {
        let value = match self.names.iter().position(|name| name.eq_ignore_ascii_case(text)) {
            Some(at) => u32::try_from(at).ok()?.checked_add(self.min)?,
            None => number(text)?,
        };
        (self.min..=self.max).contains(&value).then_some(value)
    }

    /// All of the field's numbers: bit N stands for N.
    pub fn all(&self) -> u32 {
        self.stepped(self.min, self.max, 1)
    }

    /// What one item of a list stands for: a number, a range, or either of them, `*` or nothing with a step.
    pub fn item(&self, text: &str) -> Option<u32> {
        let (whole, step) = match text.split_once('/') {
            Some((whole, step)) => (whole, Some(number(step).filter(|step| (1..=self.max).contains(step))?)),
            None => (text, None),
        };
        if let Some((first, last)) = whole.split_once('-') {
            return self.range(self.value(first)?, self.value(last)?, step.unwrap_or(1));
        }
        match (whole, step) {
            ("" | "*", Some(step)) => Some(self.stepped(self.min, self.max, step)),
            (_, Some(step)) => Some(self.stepped(self.value(whole)?, self.max, step)),
            (_, None) => Some(self.stepped(self.value(whole)?, self.value(whole)?, 1)),
        }
    }

    fn range(&self, first: u32, last: u32, step: u32) -> Option<u32> {
        if first <= last {
            return Some(self.stepped(first, last, step));
        }
        let count = self.max.checked_sub(self.min)?.checked_add(1)?;
        let beyond = last.checked_add(count).filter(|_| self.is_round)?;
        let step = usize::try_from(step).ok()?;
        Some((first..=beyond).step_by(step).fold(0, |bits, at| bits | bit(if at > self.max { at - count } else { at })))
    }

    fn stepped(&self, first: u32, last: u32, step: u32) -> u32 {
        let step = usize::try_from(step.max(1)).unwrap_or(usize::MAX);
        (first..=last).step_by(step).fold(0, |bits, at| bits | bit(at))
    }
}

/// The bit of a number; none above 31.
pub fn bit(number: u32) -> u32 {
    1_u32.checked_shl(number).unwrap_or(0)
}

/// A number of digits alone.
pub fn number(text: &str) -> Option<u32> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_number)
}
