//! A second, naive reading of schedules: a calendar that counts days one by one, and hours asked one by one.

use strongroom_types::time::Timestamp;

pub const HOUR_MS: i64 = 3_600_000;

/// A day that counts itself on.
#[derive(Clone, Copy, Debug)]
pub struct Day {
    pub year: i64,
    pub month: u32,
    pub day: u32,
    /// 1 for Sunday.
    pub weekday: u32,
    /// Since 1970-01-01.
    pub number: i64,
}

impl Day {
    pub const FIRST: Self = Self { year: 1970, month: 1, day: 1, weekday: 5, number: 0 };

    /// The first of January of a year.
    pub fn new_year(year: i64) -> Self {
        let mut day = Self::FIRST;
        while day.year < year {
            day = day.next();
        }
        day
    }

    pub fn length(self) -> u32 {
        match self.month {
            2 if self.year % 400 == 0 || self.year % 4 == 0 && self.year % 100 != 0 => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        }
    }

    pub fn next(mut self) -> Self {
        self.number += 1;
        self.weekday = self.weekday % 7 + 1;
        if self.day < self.length() {
            self.day += 1;
            return self;
        }
        self.day = 1;
        if self.month == 12 {
            self.month = 1;
            self.year += 1;
        } else {
            self.month += 1;
        }
        self
    }

    pub fn at(self, hour: i64) -> Timestamp {
        Timestamp::from_millis((self.number * 24 + hour) * HOUR_MS)
    }
}

/// An instant from its parts.
pub fn instant(year: i64, month: u32, day: u32, hour: i64, minute: i64, second: i64) -> Timestamp {
    let mut found = Day::new_year(year);
    while (found.month, found.day) != (month, day) {
        found = found.next();
    }
    found.at(hour).plus_millis((minute * 60 + second) * 1000)
}

/// What may stand in a field for days.
#[derive(Clone, Debug)]
pub enum Item {
    One(u32),
    Range(u32, u32),
    Step(u32, u32),
    RangeStep(u32, u32, u32),
    Last,
    LastWeekday(u32),
    Nth(u32, u32),
}

impl Item {
    pub fn text(&self, names: &[&str]) -> String {
        let name = |value: &u32| match names.get(*value as usize) {
            Some(name) => (*name).to_owned(),
            None => value.to_string(),
        };
        match self {
            Self::One(value) => name(value),
            Self::Range(first, last) => format!("{}-{}", name(first), name(last)),
            Self::Step(first, step) => format!("{}/{step}", name(first)),
            Self::RangeStep(first, last, step) => format!("{}-{}/{step}", name(first), name(last)),
            Self::Last => "L".to_owned(),
            Self::LastWeekday(weekday) => format!("{}L", name(weekday)),
            Self::Nth(weekday, nth) => format!("{}#{nth}", name(weekday)),
        }
    }

    /// Whether a number is meant.
    pub fn has(&self, value: u32) -> bool {
        match self {
            Self::One(one) => value == *one,
            Self::Range(first, last) if first <= last => (*first..=*last).contains(&value),
            Self::Range(first, last) => value >= *first || value <= *last,
            Self::Step(first, step) => value >= *first && (value - first).is_multiple_of(*step),
            Self::RangeStep(first, last, step) => {
                value >= *first && value <= *last && (value - first).is_multiple_of(*step)
            }
            Self::Last | Self::LastWeekday(_) | Self::Nth(..) => false,
        }
    }
}

/// A cron expression in parts. Nothing stands for `*`.
#[derive(Clone, Debug)]
pub struct Parts {
    pub hour: Item,
    pub months: Vec<Item>,
    pub days: Days,
}

#[derive(Clone, Debug)]
pub enum Days {
    OfMonth(Vec<Item>),
    OfWeek(Vec<Item>),
}

pub const MONTH_NAMES: [&str; 13] =
    ["", "JAN", "feb", "Mar", "APR", "MAY", "jun", "JUL", "aug", "SEP", "Oct", "NOV", "DEC"];
pub const WEEKDAY_NAMES: [&str; 8] = ["", "SUN", "mon", "Tue", "WED", "THU", "fri", "SAT"];

impl Parts {
    pub fn text(&self, with_names: bool) -> String {
        let list = |items: &[Item], names: &[&str]| {
            let names = if with_names { names } else { &[] };
            let texts: Vec<String> = items.iter().map(|item| item.text(names)).collect();
            if texts.is_empty() { "*".to_owned() } else { texts.join(",") }
        };
        let (of_month, of_week) = match &self.days {
            Days::OfMonth(items) => {
                // A last weekday is only told from a day of the month by its name.
                let named = |item: &Item| match item {
                    Item::LastWeekday(_) => item.text(&WEEKDAY_NAMES),
                    _ => item.text(&[]),
                };
                let texts: Vec<String> = items.iter().map(named).collect();
                (if texts.is_empty() { "*".to_owned() } else { texts.join(",") }, "?".to_owned())
            }
            Days::OfWeek(items) => ("?".to_owned(), list(items, &WEEKDAY_NAMES)),
        };
        let months = list(&self.months, &MONTH_NAMES);
        format!("cron(0 {} {of_month} {months} {of_week} *)", self.hour.text(&[]))
    }

    pub fn is_due_on(&self, day: Day) -> bool {
        let is_in = |items: &[Item], value| items.is_empty() || items.iter().any(|item| item.has(value));
        let is_last = |weekday: u32| day.weekday == weekday && day.day + 7 > day.length();
        is_in(&self.months, day.month)
            && match &self.days {
                Days::OfMonth(items) => {
                    is_in(items, day.day)
                        || items.iter().any(|item| match item {
                            Item::Last => day.day == day.length(),
                            Item::LastWeekday(weekday) => is_last(*weekday),
                            _ => false,
                        })
                }
                Days::OfWeek(items) => {
                    is_in(items, day.weekday)
                        || items.iter().any(|item| match item {
                            Item::Last => day.weekday == 7,
                            Item::LastWeekday(weekday) => is_last(*weekday),
                            Item::Nth(weekday, nth) => {
                                day.weekday == *weekday && day.day > 7 * (nth - 1) && day.day <= 7 * nth
                            }
                            _ => false,
                        })
                }
            }
    }

    pub fn hours(&self) -> Vec<i64> {
        (0..24).filter(|hour| self.hour.has(*hour)).map(i64::from).collect()
    }

    /// All starts of some years.
    pub fn starts(&self, first: Day, years: i64) -> Vec<Timestamp> {
        let mut starts = Vec::new();
        let mut day = first;
        while day.year < first.year + years {
            for hour in 0..24 {
                if self.is_due_on(day) && self.hour.has(hour) {
                    starts.push(day.at(i64::from(hour)));
                }
            }
            day = day.next();
        }
        starts
    }
}
