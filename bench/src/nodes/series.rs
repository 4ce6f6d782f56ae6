//! Figures of several rounds, of which the medians count.

use std::collections::BTreeMap;

use super::rig::Figures;

/// What was measured, by what it was measured of.
#[derive(Debug, Default)]
pub struct Series {
    of: BTreeMap<String, Vec<Figures>>,
}

impl Series {
    /// Adds a round.
    pub fn add(&mut self, of: impl Into<String>, figures: Figures) {
        self.of.entry(of.into()).or_default().push(figures);
    }

    /// The median of each figure.
    pub fn of(&self, of: &str) -> Figures {
        let rounds = self.of.get(of).map(Vec::as_slice).unwrap_or_default();
        let median = |field: fn(&Figures) -> f64| median(rounds.iter().map(field).collect());
        Figures {
            per_second: median(|figures| figures.per_second),
            server_us: median(|figures| figures.server_us),
            database_us: median(|figures| figures.database_us),
            log_bytes: median(|figures| figures.log_bytes),
            p50_us: median(|figures| figures.p50_us),
            p99_us: median(|figures| figures.p99_us),
        }
    }

    /// The median of the ratios within rounds, and the least and greatest of them.
    pub fn ratio(&self, of: &str, to: &str, field: fn(&Figures) -> f64) -> (f64, f64, f64) {
        let (of, to) = (self.of.get(of), self.of.get(to));
        let rounds = of.into_iter().flatten().zip(to.into_iter().flatten());
        let mut ratios: Vec<f64> = rounds.map(|(of, to)| field(of) / field(to)).collect();
        ratios.sort_by(f64::total_cmp);
        let (least, greatest) = (ratios.first().copied(), ratios.last().copied());
        (median(ratios), least.unwrap_or(f64::NAN), greatest.unwrap_or(f64::NAN))
    }
}

/// The median; of an even number the greater of the two in the middle.
pub fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    of.get(of.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_of_the_same_round() {
        let mut series = Series::default();
        for (one, other) in [(10.0, 5.0), (40.0, 20.0), (90.0, 30.0)] {
            series.add("one", Figures { server_us: one, ..Figures::default() });
            series.add("other", Figures { server_us: other, ..Figures::default() });
        }
        assert_eq!(series.ratio("one", "other", |figures| figures.server_us), (2.0, 2.0, 3.0));
        assert!((series.of("one").server_us - 40.0).abs() < 0.001 && series.of("none").server_us.is_nan());
    }
}
