//! The figures as a table.

use std::fmt::Write as _;

use crate::contender::Contender;
use crate::goal::Goal;

/// A figure that is measured of every contender.
pub(crate) struct Column {
    /// The figure's name, then a comma and its unit, which a ratio omits.
    pub(crate) title: &'static str,
    pub(crate) digits: usize,
}

/// Each contender's figures, in the order of the columns.
pub(crate) type Round = Vec<(Contender, Vec<f64>)>;

pub(crate) struct Measured {
    pub(crate) columns: &'static [Column],
    pub(crate) rounds: Vec<Round>,
}

impl Measured {
    /// One row each: the figures, and their ratios to the peers that the goals are about.
    pub(crate) fn table(&self, goals: &[Goal]) -> String {
        let mut ratios: Vec<_> = goals.iter().filter_map(|goal| Some((goal.column, goal.against?))).collect();
        ratios.dedup();
        let titles = self.columns.iter().map(|column| column.title.to_owned());
        let titles = titles.chain(ratios.iter().map(|(column, against)| self.ratio_title(*column, *against)));
        let titles: Vec<_> = titles.collect();
        let mut table = format!("| | {} |\n| --- |{}\n", titles.join(" | "), " --- |".repeat(titles.len()));
        for (contender, _) in &self.rounds[0] {
            let figures = self
                .columns
                .iter()
                .enumerate()
                .map(|(at, column)| self.spread(at, *contender, None).text(column.digits));
            let ratios = ratios.iter().map(|(at, against)| match contender == against {
                true => "1".to_owned(),
                false => self.spread(*at, *contender, Some(*against)).text(2),
            });
            let cells: Vec<_> = figures.chain(ratios).collect();
            let _ = writeln!(table, "| {} | {} |", contender.name(), cells.join(" | "));
        }
        table
    }

    pub(crate) fn ratio_title(&self, column: usize, against: Contender) -> String {
        let title = self.columns[column].title;
        format!("{} × {}", title.split_once(", ").map_or(title, |(figure, _unit)| figure), against.name())
    }

    pub(crate) fn spread(&self, column: usize, contender: Contender, against: Option<Contender>) -> Spread {
        let of = |round: &Round, who| {
            let figures = round.iter().find(|(contender, _)| *contender == who);
            figures.expect("every contender is in every round").1[column]
        };
        let figure = |round| of(round, contender) / against.map_or(1.0, |against| of(round, against));
        let mut figures: Vec<_> = self.rounds.iter().map(figure).collect();
        // Not measured for this contender.
        figures.retain(|figure| figure.is_finite());
        figures.sort_unstable_by(f64::total_cmp);
        Spread(figures)
    }
}

/// A figure over all rounds, in order.
pub(crate) struct Spread(Vec<f64>);

impl Spread {
    pub(crate) fn median(&self) -> f64 {
        let half = self.0.len() / 2;
        match self.0.len() % 2 {
            0 => f64::midpoint(self.0[half - 1], self.0[half]),
            _ => self.0[half],
        }
    }

    pub(crate) fn text(&self, digits: usize) -> String {
        match self.0.as_slice() {
            [] => "–".to_owned(),
            [figure] => format!("{figure:.digits$}"),
            [least, .., most] => {
                format!("{:.digits$} ({least:.digits$}–{most:.digits$})", self.median())
            }
        }
    }
}
