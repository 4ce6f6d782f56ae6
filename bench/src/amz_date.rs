//! The date of a signature: `YYYYMMDDTHHMMSSZ` in UTC, written without allocation.

use strongroom_types::Timestamp;

/// Length of a date, in bytes.
pub const AMZ_DATE_LEN: usize = 16;

/// `at` as `YYYYMMDDTHHMMSSZ`, for years 0 to 9999.
pub fn amz_date(at: Timestamp) -> [u8; AMZ_DATE_LEN] {
    let seconds = at.seconds();
    let (year, month, day) = civil(seconds.div_euclid(86_400));
    let of_day = seconds.rem_euclid(86_400);
    let mut out = *b"00000000T000000Z";
    let (date, time) = out.split_at_mut(9);
    let (year_part, month_day) = date.split_at_mut(4);
    decimal(year_part, year);
    let (month_part, day_part) = month_day.split_at_mut(2);
    decimal(month_part, month);
    decimal(day_part.split_at_mut(2).0, day);
    let (hour_part, rest) = time.split_at_mut(2);
    let (minute_part, rest) = rest.split_at_mut(2);
    decimal(hour_part, of_day / 3600);
    decimal(minute_part, of_day / 60 % 60);
    decimal(rest.split_at_mut(2).0, of_day % 60);
    out
}

fn decimal(out: &mut [u8], mut value: i64) {
    for digit in out.iter_mut().rev() {
        *digit = b'0'.wrapping_add(u8::try_from(value % 10).unwrap_or(0));
        value /= 10;
    }
}

/// The proleptic Gregorian date of a day counted from 1970-01-01. Years are counted from March, so that the leap day
/// stands last; 400 years are always 146 097 days.
fn civil(day: i64) -> (i64, i64, i64) {
    let from_march_0 = day + 719_468;
    let era = from_march_0.div_euclid(146_097);
    let of_era = from_march_0.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day_of_month = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day_of_month)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(seconds: i64) -> String {
        String::from_utf8(amz_date(Timestamp::from_seconds(seconds)).to_vec()).unwrap()
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        assert_eq!(text(0), "19700101T000000Z");
        assert_eq!(text(951_782_400), "20000229T000000Z");
        assert_eq!(text(1_440_938_160), "20150830T123600Z");
        assert_eq!(text(4_107_542_399), "21000228T235959Z");
        assert_eq!(text(4_107_542_400), "21000301T000000Z");
    }
}
