//! The report as a table for people, and the comparison of two reports.

use std::fmt::{self, Write};

use crate::report::{Figure, Goal, Measure, Report, Spread};

const EXPLANATION: &str = "\
Medians of the rounds, in brackets the lowest and the highest. What is compared was measured in turns (A B A B ...), so \
compare within one report: requests a second move with what else the machine does, CPU time per request and ratios \
much less. Load generator and servers share the machine's cores unless the servers were bound to some. CPU time is \
user and system time of the process from /proc, in steps of 10 ms, over the measured stretch, by answers. Latency \
counts from when a request was meant to start. Every request is signed anew.";

/// The columns of a section: those of its figures' quantities that any figure has.
const COLUMNS: [(Measure, &str); 14] = [
    (Measure::PerSecond, "per second"),
    (Measure::ServerCpuUs, "server CPU µs"),
    (Measure::ClientCpuUs, "client CPU µs"),
    (Measure::P10Us, "p10 µs"),
    (Measure::P50Us, "p50 µs"),
    (Measure::P99Us, "p99 µs"),
    (Measure::P999Us, "p99.9 µs"),
    (Measure::LongestUs, "longest µs"),
    (Measure::AnswerBytes, "answer bytes"),
    (Measure::ReadyMs, "ready ms"),
    (Measure::FirstAnswerMs, "first answer ms"),
    (Measure::ResidentMib, "resident MiB"),
    (Measure::AnonymousMib, "anonymous MiB"),
    (Measure::PeakMib, "peak MiB"),
];

/// Only the median of these is shown; the rest is in the JSON.
const MEDIAN_ONLY: [Measure; 7] = [
    Measure::P10Us,
    Measure::ClientCpuUs,
    Measure::P99Us,
    Measure::P999Us,
    Measure::LongestUs,
    Measure::AnswerBytes,
    Measure::AnonymousMib,
];

/// The report for people.
pub fn render(report: &Report) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = write_report(&mut out, report);
    out
}

fn write_report(out: &mut String, report: &Report) -> fmt::Result {
    let about = &report.circumstances;
    writeln!(out, "# Figures of commit {}\n", about.commit)?;
    writeln!(out, "- Command: `{}`, begun {}", about.command, about.date)?;
    writeln!(out, "- Machine: {}", about.machine)?;
    writeln!(out, "- Settings: {}", about.settings)?;
    if let Some(load) = Spread::of(&about.load_averages) {
        writeln!(out, "- Load average during the run: {}", show(&load))?;
    }
    for remark in &about.remarks {
        writeln!(out, "- {remark}")?;
    }
    writeln!(out, "\n{EXPLANATION}\n")?;
    if !report.verdicts.is_empty() {
        writeln!(out, "## Goals\n\n| what | value | goal | reached |\n|---|---|---|---|")?;
        for verdict in &report.verdicts {
            let reached = match (verdict.goal.is_met_by(verdict.value.median), verdict.aim) {
                (false, _) => "**no**",
                (true, Some(aim)) if !aim.is_met_by(verdict.value.median) => "yes, not the aim",
                (true, _) => "yes",
            };
            let aim = verdict.aim.map(|aim| format!(", aim {}", show_goal(aim))).unwrap_or_default();
            let (value, goal) = (show(&verdict.value), show_goal(verdict.goal));
            writeln!(out, "| {} | {value} | {goal}{aim} | {reached} |", verdict.name)?;
        }
    }
    let mut sections: Vec<&str> = Vec::new();
    for figure in &report.figures {
        if !sections.contains(&figure.point.section.as_str()) {
            sections.push(&figure.point.section);
        }
    }
    for section in sections {
        let figures: Vec<&Figure> = report.figures.iter().filter(|figure| figure.point.section == section).collect();
        writeln!(out, "\n## {section}\n")?;
        write_table(out, &figures)?;
    }
    Ok(())
}

fn write_table(out: &mut String, figures: &[&Figure]) -> fmt::Result {
    let has = |measure: Measure| figures.iter().any(|figure| figure.measures.contains_key(&measure));
    let columns: Vec<_> = COLUMNS.into_iter().filter(|(measure, _)| has(*measure)).collect();
    let titles: Vec<_> = columns.iter().map(|(_, title)| *title).collect();
    writeln!(out, "| what | secrets | connections | server | {} |", titles.join(" | "))?;
    writeln!(out, "|---|---|---|---|{}", "---|".repeat(columns.len()))?;
    for figure in figures {
        let point = &figure.point;
        let (secrets, connections) = (unless_zero(point.secrets), unless_zero(point.connections.into()));
        write!(out, "| {} | {secrets} | {connections} | {} |", point.what, point.subject)?;
        for (measure, _) in &columns {
            let cell = figure
                .measures
                .get(measure)
                .map(|spread| if MEDIAN_ONLY.contains(measure) { number(spread.median) } else { show(spread) });
            write!(out, " {} |", cell.unwrap_or_default())?;
        }
        writeln!(out)?;
    }
    Ok(())
}

/// What changed from one report to another, figure by figure, where both have it.
pub fn compare(base: &Report, new: &Report) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = write_comparison(&mut out, base, new);
    out
}

fn write_comparison(out: &mut String, base: &Report, new: &Report) -> fmt::Result {
    let (old_commit, new_commit) = (&base.circumstances.commit, &new.circumstances.commit);
    writeln!(out, "# From {old_commit} to {new_commit}\n")?;
    writeln!(
        out,
        "The two were measured at different times: trust the ratios and CPU times before requests a second. \
         `~` stands where the ranges overlap.\n"
    )?;
    writeln!(out, "| what | before | after | change |\n|---|---|---|---|")?;
    for verdict in &new.verdicts {
        if let Some(old) = base.verdicts.iter().find(|old| old.name == verdict.name) {
            write_change(out, &verdict.name, &old.value, &verdict.value)?;
        }
    }
    for figure in &new.figures {
        let point = &figure.point;
        for measure in
            [Measure::ServerCpuUs, Measure::P50Us, Measure::PerSecond, Measure::ReadyMs, Measure::ResidentMib]
        {
            let pair = base.spread(point, measure).zip(figure.measures.get(&measure));
            let title = COLUMNS.iter().find(|(column, _)| *column == measure).map_or("", |(_, title)| title);
            if let Some((before, after)) = pair {
                let (secrets, connections) = (unless_zero(point.secrets), unless_zero(point.connections.into()));
                let name =
                    format!("{}, {}, {secrets} secrets, {connections} conns: {title}", point.what, point.subject);
                write_change(out, &name, before, after)?;
            }
        }
    }
    Ok(())
}

fn write_change(out: &mut String, name: &str, before: &Spread, after: &Spread) -> fmt::Result {
    let percent = (after.median / before.median - 1.0) * 100.0;
    let overlap = if before.low <= after.high && after.low <= before.high { " ~" } else { "" };
    writeln!(out, "| {name} | {} | {} | {percent:+.1} %{overlap} |", show(before), show(after))
}

fn show(spread: &Spread) -> String {
    if spread.rounds.len() < 2 {
        return number(spread.median);
    }
    format!("{} ({}-{})", number(spread.median), number(spread.low), number(spread.high))
}

fn show_goal(goal: Goal) -> String {
    match goal {
        Goal::AtMost(limit) => format!("≤ {limit}"),
        Goal::AtLeast(limit) => format!("≥ {limit}"),
    }
}

/// Three digits that say something.
fn number(value: f64) -> String {
    if value >= 100.0 {
        format!("{value:.0}")
    } else if value >= 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.2}")
    }
}

fn unless_zero(value: u64) -> String {
    if value == 0 { String::new() } else { value.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Point;

    fn report(values: &[f64]) -> Report {
        let mut report = Report::default();
        report.circumstances.commit = "abc".into();
        let point = |subject: &str| Point {
            section: "Reading".into(),
            what: "GetSecretValue".into(),
            subject: subject.into(),
            connections: 16,
            secrets: 0,
        };
        for value in values {
            report.add(&point("strongroom"), Measure::ServerCpuUs, *value);
            report.add(&point("ceiling"), Measure::ServerCpuUs, 10.0);
        }
        let (above, below) = (point("strongroom"), point("ceiling"));
        let (above, below) = ((&above, Measure::ServerCpuUs), (&below, Measure::ServerCpuUs));
        report.judge_ratio("get / ceiling", above, below, Goal::AtMost(2.5), Some(Goal::AtMost(2.0)));
        report
    }

    #[test]
    fn the_table_shows_medians_ranges_and_goals() {
        let text = render(&report(&[20.0, 22.0, 30.0]));
        assert!(text.contains("| get / ceiling | 2.20 (2.00-3.00) | ≤ 2.5, aim ≤ 2 | yes, not the aim |"), "{text}");
        assert!(text.contains("| GetSecretValue |  | 16 | strongroom | 22.0 (20.0-30.0) |"), "{text}");
        assert!(render(&report(&[40.0])).contains("| **no** |"));
    }

    #[test]
    fn the_comparison_says_what_changed_and_what_is_noise() {
        let text = compare(&report(&[20.0, 21.0]), &report(&[40.0, 42.0]));
        assert!(text.contains(
            "strongroom,  secrets, 16 conns: server CPU µs | 20.5 (20.0-21.0) | 41.0 (40.0-42.0) | +100.0 % |"
        ));
        assert!(
            text.contains(
                "ceiling,  secrets, 16 conns: server CPU µs | 10.0 (10.0-10.0) | 10.0 (10.0-10.0) | +0.0 % ~ |"
            )
        );
    }
}
