//! Lambda's words: errors of a function as its caller sees them, and the lines around its log.

use jiff::Timestamp as Date;
use serde_json::json;
use strongroom_types::Timestamp;

use crate::job::Job;

/// Bytes of an answer that Lambda takes from a function.
pub const ANSWER_BYTES_MAX: usize = 6_291_556;

/// An error that Lambda itself finds in a function: the type and what follows the request's id.
fn error(request_id: &str, kind: &str, what: &str) -> Vec<u8> {
    json!({ "errorType": kind, "errorMessage": format!("RequestId: {request_id} Error: {what}") })
        .to_string()
        .into_bytes()
}

/// The process has ended without an answer.
pub fn exited(request_id: &str, how: &str) -> Vec<u8> {
    error(request_id, "Runtime.ExitError", &exit(how))
}

fn exit(how: &str) -> String {
    if how == "exit status 0" {
        "Runtime exited without providing a reason".to_owned()
    } else {
        format!("Runtime exited with error: {how}")
    }
}

/// There is no program `bootstrap` in the code.
pub fn no_bootstrap(request_id: &str) -> Vec<u8> {
    let what = "Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]";
    error(request_id, "Runtime.InvalidEntrypoint", what)
}

/// The answer is too large.
pub fn too_large() -> Vec<u8> {
    let message = format!("Response payload size exceeded maximum allowed payload size ({ANSWER_BYTES_MAX} bytes).");
    json!({ "errorType": "Function.ResponseSizeTooLarge", "errorMessage": message }).to_string().into_bytes()
}

/// The line of a time-out, which is also the error's message.
pub fn timed_out_line(now: Timestamp, request_id: &str, timeout_seconds: u32) -> String {
    let date = Date::from_millisecond(now.millis()).map(|date| format!("{date:.3}")).unwrap_or_default();
    format!("{date} {request_id} Task timed out after {timeout_seconds}.00 seconds")
}

/// The function has not answered in time.
pub fn timed_out(line: &str) -> Vec<u8> {
    json!({ "errorMessage": line }).to_string().into_bytes()
}

/// The line before a function's output.
pub fn start(job: &Job) -> String {
    format!("START RequestId: {} Version: {}\n", job.request_id, job.version)
}

/// What an invocation took, for the lines after its output.
pub struct Report<'a> {
    /// The request's id.
    pub request_id: &'a str,
    /// Microseconds of the invocation.
    pub duration_us: u128,
    /// The same in milliseconds, rounded up.
    pub billed_ms: u64,
    /// MiB that it may have.
    pub memory_mb: u32,
    /// MiB that it had.
    pub used_mb: u32,
    /// Microseconds of the start, of a process that was new.
    pub init_us: Option<u128>,
}

impl Report<'_> {
    /// The lines END and REPORT.
    pub fn lines(&self) -> String {
        let ms = |us: u128| format!("{}.{:02}", us / 1000, us % 1000 / 10);
        let init = self.init_us.map(|us| format!("Init Duration: {} ms\t", ms(us))).unwrap_or_default();
        let id = self.request_id;
        format!(
            "END RequestId: {id}\nREPORT RequestId: {id}\tDuration: {} ms\tBilled Duration: {} ms\tMemory Size: {} MB\t\
             Max Memory Used: {} MB\t{init}\n",
            ms(self.duration_us),
            self.billed_ms,
            self.memory_mb,
            self.used_mb,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_out_is_told_in_lambdas_words() {
        let line = timed_out_line(Timestamp::from_millis(1_700_000_000_123), "id", 3);
        assert_eq!(line, "2023-11-14T22:13:20.123Z id Task timed out after 3.00 seconds");
        assert_eq!(timed_out(&line), format!("{{\"errorMessage\":\"{line}\"}}").into_bytes());
    }

    #[test]
    fn an_exit_names_the_request() {
        let text = String::from_utf8(exited("id", "exit status 1")).unwrap();
        assert!(text.contains("RequestId: id Error: Runtime exited with error: exit status 1"));
        assert!(String::from_utf8(exited("id", "exit status 0")).unwrap().contains("without providing a reason"));
    }

    #[test]
    fn the_report_has_lambdas_fields() {
        let report = Report {
            request_id: "id",
            duration_us: 1_234_567,
            billed_ms: 1235,
            memory_mb: 128,
            used_mb: 40,
            init_us: None,
        };
        assert_eq!(
            report.lines(),
            "END RequestId: id\nREPORT RequestId: id\tDuration: 1234.56 ms\tBilled Duration: 1235 ms\tMemory Size: 128 MB\t\
             Max Memory Used: 40 MB\t\n"
        );
    }
}
