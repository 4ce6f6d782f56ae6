//! Whether this machine's clock agrees with others.

use strongroom_types::{Clock as _, SystemClock, Timestamp};
use strongroom_wire::timestamps;

use super::finding::Findings;

const CHECK: &str = "clock";
/// How far clocks may be apart without a word, in ms.
const APART_MS: i64 = 30_000;
/// How far a signature's time may be from the server's, in ms.
const SIGNATURES_MS: i64 = 300_000;

/// Holds this machine's clock against that of `whose`, which said `theirs`.
pub fn compare(whose: &str, theirs: Timestamp, findings: &mut Findings) {
    let apart_ms = SystemClock.now().millis_since(theirs);
    let seconds = apart_ms.abs() / 1000;
    let way = if apart_ms > 0 { "ahead of" } else { "behind" };
    let text = format!("this machine is {seconds} seconds {way} {whose}");
    if apart_ms.abs() >= SIGNATURES_MS {
        let advice = "set the clocks by NTP: signatures that are off by five minutes are refused";
        findings.problem(CHECK, text, advice);
    } else if apart_ms.abs() >= APART_MS {
        findings.warn(CHECK, text, "set the clocks by NTP");
    } else {
        findings.ok(CHECK, format!("agrees with {whose}"));
    }
}

/// Notes when something was done later than it is now.
pub fn not_before(what: &str, done: Timestamp, findings: &mut Findings) {
    let ahead_ms = done.millis_since(SystemClock.now());
    if ahead_ms >= APART_MS {
        let text = format!("{what} is {} seconds in the future", ahead_ms / 1000);
        findings.problem(CHECK, text, "the clock was set back, or ran ahead before: set it by NTP");
    }
}

/// The instant of a header `Date`, such as `Sun, 06 Nov 1994 08:49:37 GMT`.
pub fn of_header(text: &str) -> Option<Timestamp> {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (_, rest) = text.split_once(", ")?;
    let mut words = rest.split(' ');
    let (day, month, year, time) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let month = 1 + MONTHS.iter().position(|name| *name == month)?;
    timestamps::parse_iso(&format!("{year}-{month:02}-{day}T{time}Z"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_an_instant_and_clocks_are_compared() {
        let read = of_header("Sun, 06 Nov 1994 08:49:37 GMT").expect("an instant");
        assert_eq!(timestamps::iso(read), "1994-11-06T08:49:37Z");
        assert!(of_header("yesterday").is_none() && of_header("Sun, 06 Foo 1994 08:49:37 GMT").is_none());
        for (off_ms, wanted) in [(0, "ok "), (-60_000, "warning"), (3_600_000, "problem")] {
            let mut findings = Findings::default();
            compare("it", SystemClock.now().plus_millis(off_ms), &mut findings);
            assert!(findings.lines().starts_with(wanted), "{}", findings.lines());
        }
        let mut findings = Findings::default();
        not_before("the last commit", SystemClock.now().plus_millis(-5000), &mut findings);
        assert!(findings.is_good(CHECK));
        not_before("the last commit", SystemClock.now().plus_millis(90_000), &mut findings);
        assert!(findings.lines().contains("in the future"), "{}", findings.lines());
    }
}
