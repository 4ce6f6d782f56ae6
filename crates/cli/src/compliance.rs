//! `strongroom compliance` and `strongroom report`: the rules of AWS Config and Security Hub asked of all secrets, and
//! reports on secrets and keys, also while a server runs.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use strongroom_core::compliance::reports::{Cell, Report, Reporter};
use strongroom_core::compliance::{Compliance, Counts, Evaluation, Parameters, Rule, Scope, Walk, evaluate};
use strongroom_core::secrets::RESOURCE_KIND;
use strongroom_server::gate::fault_text;
use strongroom_types::{AccountId, Clock as _, Region, SystemClock, Timestamp};
use strongroom_wire::timestamps::iso;

use crate::offline::DataArgs;
use crate::output::is_gone;
use crate::sheet::{Format, Sheet};
use crate::store::{self, Opened};

/// The exit status when something breaks a rule.
const BROKEN: u8 = 1;
/// The exit status when it could not be found out.
const FAILED: u8 = 2;
/// The columns of the evaluations, for people.
const TOLD: [&str; 5] = ["compliance", "rule", "control", "secret", "annotation"];
/// The columns of the evaluations as CSV.
const EXPORTED: [&str; 10] = [
    "compliance",
    "rule",
    "control",
    "severity",
    "account",
    "region",
    "secret",
    "annotation",
    "evaluated",
    "secret_changed",
];
/// The columns of the counts.
const COUNTED: [&str; 5] = ["rule", "control", "non_compliant", "compliant", "not_applicable"];

/// Which secrets are looked at.
#[derive(Args)]
struct ScopeArgs {
    /// Looks at this account alone; at all of them without it.
    #[arg(long, value_name = "NUMBER", value_parser = |text: &str| AccountId::parse(text))]
    account: Option<AccountId>,
    /// Looks at this region alone; at all of them without it.
    #[arg(long, value_name = "REGION", value_parser = |text: &str| Region::parse(text))]
    region: Option<Region>,
}

impl ScopeArgs {
    /// What is looked at in an opened store.
    ///
    /// # Errors
    /// When there is no such account: a mistyped number would have nothing to object to.
    async fn scope(&self, opened: &Opened) -> Result<Scope, Box<dyn Error>> {
        if let Some(account) = &self.account
            && !opened.identities.accounts().await.map_err(|error| fault_text(&error))?.contains(account)
        {
            return Err(
                format!("there is no account {account}: `strongroom account list` has those that there are").into()
            );
        }
        Ok(Scope { account: self.account.clone(), region: self.region.clone() })
    }
}

/// Flags of `strongroom compliance`.
#[derive(Args)]
pub struct ComplianceArgs {
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    scope: ScopeArgs,
    /// Asks this rule alone, by the name that Config has for it or by Security Hub's, such as SecretsManager.3; several
    /// times for several.
    #[arg(long = "rule", value_name = "NAME", value_parser = rule)]
    rules: Vec<Rule>,
    /// How it is printed.
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

/// Flags of `strongroom report`.
#[derive(Args)]
pub struct ReportArgs {
    /// What is reported.
    #[arg(value_enum)]
    report: Kind,
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    scope: ScopeArgs,
    /// How it is printed.
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

/// The reports.
#[derive(Clone, Copy, ValueEnum)]
enum Kind {
    /// Secrets that were not read for longer than `compliance.unused_days_max` allows.
    Unused,
    /// Secrets that were never rotated.
    NeverRotated,
    /// Secrets whose rotation is due and was not completed.
    Overdue,
    /// Secrets whose resource policy lets anybody in.
    BroadPolicies,
    /// Who may read which secret's value, by which statement.
    WhoCanRead,
    /// Keys, with how many secrets and values hang on each.
    Keys,
}

impl Kind {
    fn report(self) -> Report {
        match self {
            Self::Unused => Report::Unused,
            Self::NeverRotated => Report::NeverRotated,
            Self::Overdue => Report::Overdue,
            Self::BroadPolicies => Report::BroadPolicies,
            Self::WhoCanRead => Report::WhoCanRead,
            Self::Keys => Report::Keys,
        }
    }
}

fn rule(text: &str) -> Result<Rule, String> {
    let names = || Rule::ALL.map(Rule::name).join(", ");
    Rule::named(text).ok_or_else(|| format!("no such rule; there are {}", names()))
}

/// Asks the rules, and tells by the exit status whether one is broken.
pub fn run(args: &ComplianceArgs) -> ExitCode {
    match asked(args) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::from(BROKEN),
        Err(error) => {
            eprintln!("strongroom: {error}");
            ExitCode::from(FAILED)
        }
    }
}

/// Prints what the rules say. Returns how often one was broken.
fn asked(args: &ComplianceArgs) -> Result<u64, Box<dyn Error>> {
    let mut rules = if args.rules.is_empty() { Rule::ALL.to_vec() } else { args.rules.clone() };
    rules.sort_unstable();
    rules.dedup();
    store::look(&args.data, async |opened| {
        let parameters = opened.config.compliance.clone();
        let scope = args.scope.scope(opened).await?;
        let question = Question { opened, scope: &scope, rules, parameters, now: SystemClock.now() };
        let mut counts = BTreeMap::new();
        match question.answer(args.format, BufWriter::new(io::stdout().lock()), &mut counts).await {
            Err(error) if is_gone(error.as_ref()) => {}
            done => done?,
        }
        Ok(counts.values().map(|counts| counts.non_compliant).sum())
    })
}

/// What is asked of which secrets.
struct Question<'a> {
    opened: &'a Opened,
    scope: &'a Scope,
    rules: Vec<Rule>,
    parameters: Parameters,
    now: Timestamp,
}

impl Question<'_> {
    async fn answer(
        &self,
        format: Format,
        mut out: impl Write,
        counts: &mut BTreeMap<Rule, Counts>,
    ) -> Result<(), Box<dyn Error>> {
        counts.extend(self.rules.iter().map(|rule| (*rule, Counts::default())));
        if format == Format::Json {
            write!(out, "{{\"Parameters\":{},\n\"EvaluationResults\":", shown(&self.parameters))?;
        }
        let columns: &[&str] = match format {
            Format::Table => &TOLD,
            Format::Csv => &EXPORTED,
            Format::Json => &CONFIG,
        };
        let mut sheet = Sheet::begin(out, format, columns)?;
        // Twice over the secrets, so that what is broken comes first and nothing is kept meanwhile.
        for broken in [true, false] {
            let mut walk = Walk::new(&self.opened.documents, self.scope);
            while let Some(secrets) = walk.next().await.map_err(|error| fault_text(&error))? {
                for secret in &secrets {
                    let told = evaluate(&self.opened.documents, secret, &self.rules, &self.parameters, self.now).await;
                    for told in told.map_err(|error| fault_text(&error))? {
                        let compliance = told.verdict.compliance;
                        if (compliance == Compliance::NonCompliant) == broken {
                            counts.entry(told.rule).or_default().add(compliance);
                            sheet.row(row(told, format))?;
                        }
                    }
                }
            }
        }
        let mut out = sheet.end()?;
        match format {
            Format::Table => {
                writeln!(out)?;
                out = count(counts, out)?;
            }
            Format::Json => writeln!(out, ",\n\"ComplianceByConfigRules\":{}}}", by_rule(counts))?,
            Format::Csv => {}
        }
        Ok(out.flush()?)
    }
}

/// The members of an evaluation in JSON, named as Config names them.
const CONFIG: [&str; 11] = [
    "ConfigRuleName",
    "ControlId",
    "Severity",
    "ResourceType",
    "ResourceId",
    "AccountId",
    "AwsRegion",
    "ComplianceType",
    "Annotation",
    "ResultRecordedTime",
    "OrderingTimestamp",
];

fn row(told: Evaluation, format: Format) -> Vec<Cell> {
    let text = |text: &str| Cell::Text(text.to_owned());
    let optional = |text: Option<&str>| text.map_or(Cell::Nothing, |text| Cell::Text(text.to_owned()));
    let Evaluation { rule, account, region, resource, verdict, at, changed } = told;
    let compliance = text(verdict.compliance.as_str());
    let (name, control, severity) = (text(rule.name()), optional(rule.control()), optional(rule.severity()));
    let (resource, annotation) = (Cell::Text(resource), Cell::Text(verdict.annotation));
    let (account, region) = (Cell::Text(account), Cell::Text(region));
    let (at, changed) = (Cell::Text(iso(at)), Cell::Text(iso(changed)));
    match format {
        Format::Table => vec![compliance, name, control, resource, annotation],
        Format::Csv => vec![compliance, name, control, severity, account, region, resource, annotation, at, changed],
        Format::Json => {
            let kind = text(RESOURCE_KIND);
            vec![name, control, severity, kind, resource, account, region, compliance, annotation, at, changed]
        }
    }
}

fn count<W: Write>(counts: &BTreeMap<Rule, Counts>, out: W) -> io::Result<W> {
    let mut sheet = Sheet::begin(out, Format::Table, &COUNTED)?;
    for (rule, counts) in counts {
        let control = rule.control().map_or(Cell::Nothing, |control| Cell::Text(control.to_owned()));
        let counted = [counts.non_compliant, counts.compliant, counts.not_applicable].map(Cell::Number);
        sheet.row([vec![Cell::Text(rule.name().to_owned()), control], counted.to_vec()].concat())?;
    }
    sheet.end()
}

fn by_rule(counts: &BTreeMap<Rule, Counts>) -> Value {
    let of_rule = |(rule, counts): (&Rule, &Counts)| {
        json!({
            "ConfigRuleName": rule.name(),
            "ComplianceType": counts.compliance().map_or("INSUFFICIENT_DATA", Compliance::as_str),
            "NonCompliant": counts.non_compliant,
            "Compliant": counts.compliant,
            "NotApplicable": counts.not_applicable,
        })
    };
    counts.iter().map(of_rule).collect()
}

fn shown(parameters: &Parameters) -> Value {
    json!({
        "maximumAllowedRotationFrequency": parameters.rotation_days_max,
        "maximumAllowedRotationFrequencyInHours": parameters.rotation_hours_max,
        "maxDaysSinceRotation": parameters.since_rotation_days_max,
        "unusedForDays": parameters.unused_days_max,
        "kmsKeyArns": parameters.kms_keys,
        "requiredTagKeys": parameters.required_tags,
    })
}

/// Prints a report.
///
/// # Errors
/// When the store cannot be read.
pub fn report(args: &ReportArgs) -> Result<(), Box<dyn Error>> {
    store::look(&args.data, async |opened| match reported(args, opened).await {
        Err(error) if is_gone(error.as_ref()) => Ok(()),
        done => done,
    })
}

async fn reported(args: &ReportArgs, opened: &Opened) -> Result<(), Box<dyn Error>> {
    let (parameters, scope) = (opened.config.compliance.clone(), args.scope.scope(opened).await?);
    let report = args.report.report();
    let from = (opened.documents.as_ref(), &opened.identities);
    let mut reporter = Reporter::new(report, from, &parameters, &scope, SystemClock.now());
    let mut sheet = Sheet::begin(BufWriter::new(io::stdout().lock()), args.format, report.columns())?;
    while let Some(rows) = reporter.next().await.map_err(|error| fault_text(&error))? {
        for row in rows {
            sheet.row(row)?;
        }
    }
    let mut out = sheet.end()?;
    if args.format == Format::Json {
        writeln!(out)?;
    }
    Ok(out.flush()?)
}
