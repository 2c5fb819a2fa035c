//! Plots of what was found, as SVG: throughput and cost of each message, by connections.

use std::fmt::Write as _;
use std::path::Path;
use std::{fs, io};

use crate::cases::Case;
use crate::report::{Row, thousands};
use crate::servers::place;

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 420.0;
/// Around the plot; to the right there are the names.
const LEFT: f64 = 70.0;
const RIGHT: f64 = 170.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 50.0;

/// Told apart by people who see colours differently, too.
const COLOURS: [&str; 9] = [
    "#000000", "#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f7f7f",
    "#8b5a2b",
];

struct Line {
    name: &'static str,
    points: Vec<(f64, f64)>,
}

type Figure = fn(&Row) -> f64;

/// What is drawn: a group of cases, which of its figures, and by what.
struct Plot {
    group: &'static str,
    /// After the group, as the file is called.
    name: &'static str,
    title: &'static str,
    figure: Figure,
    across: fn(&Case) -> usize,
}

const RATE: Figure = |row| row.rate()[0];
const COST: Figure = |row| row.cost()[0];
const CONNECTIONS: fn(&Case) -> usize = |case| case.connections;

const PLOTS: [Plot; 8] = [
    plot(
        "echo",
        "rate",
        "echoes of 20 B in a second, by connections",
        RATE,
    ),
    plot(
        "echo",
        "cost",
        "CPU µs of the server for an echo of 20 B, by connections",
        COST,
    ),
    plot(
        "request",
        "rate",
        "getPeriod: answers in a second, by connections",
        RATE,
    ),
    plot(
        "request",
        "cost",
        "getPeriod: CPU µs of the server, by connections",
        COST,
    ),
    plot(
        "broadcast",
        "rate",
        "deliveries of 20 B in a second, by subscribers",
        RATE,
    ),
    plot(
        "broadcast",
        "cost",
        "CPU µs of the server for a delivery of 20 B, by subscribers",
        COST,
    ),
    Plot {
        across: Case::heard_by,
        ..plot(
            "subscribers",
            "cost",
            "CPU µs of the server for a delivery, by subscribers",
            COST,
        )
    },
    Plot {
        across: |case| case.topics,
        ..plot(
            "many-topics",
            "cost",
            "CPU µs of the server for a delivery, by topics",
            COST,
        )
    },
];

const fn plot(
    group: &'static str,
    name: &'static str,
    title: &'static str,
    figure: Figure,
) -> Plot {
    Plot {
        group,
        name,
        title,
        figure,
        across: CONNECTIONS,
    }
}

/// Those plots whose cases were measured.
pub(crate) fn write(folder: &Path, reported: &[(&Case, Vec<Row>, String)]) -> io::Result<()> {
    for plot in PLOTS {
        let cases: Vec<_> = reported
            .iter()
            .filter(|(case, ..)| case.group == plot.group && case.size == 20)
            .collect();
        if cases.len() < 2 {
            continue;
        }
        let mut lines: Vec<Line> = Vec::new();
        for (case, rows, _) in cases {
            for row in rows.iter().filter(|row| !row.rounds.is_empty()) {
                let point = ((plot.across)(case) as f64, (plot.figure)(row));
                match lines.iter_mut().find(|line| line.name == row.name) {
                    Some(line) => line.points.push(point),
                    None => lines.push(Line {
                        name: row.name,
                        points: vec![point],
                    }),
                }
            }
        }
        lines.sort_by_key(|line| place(line.name));
        let file = format!("{}-{}.svg", plot.group, plot.name);
        fs::write(folder.join(file), draw(plot.title, &lines))?;
    }
    Ok(())
}

fn draw(title: &str, lines: &[Line]) -> String {
    let points = || lines.iter().flat_map(|line| &line.points);
    let scale = Scale::of(&points().map(|(_, y)| *y).collect::<Vec<_>>());
    let mut places: Vec<f64> = points().map(|(x, _)| *x).collect();
    places.sort_by(f64::total_cmp);
    places.dedup();
    let (first, last) = (
        places.first().copied().unwrap_or(1.0),
        places.last().copied().unwrap_or(10.0),
    );
    // By orders of magnitude, as the numbers of connections are.
    let across = (last / first).ln().max(f64::MIN_POSITIVE);
    let x = |value: f64| LEFT + (WIDTH - LEFT - RIGHT) * (value / first).ln() / across;
    let y = |value: f64| HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * scale.part(value);

    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
         <text x=\"{LEFT}\" y=\"22\" font-size=\"14\">{title}</text>\n"
    );
    for value in scale.marks() {
        let text = if value < 100.0 {
            format!("{value:.1}")
        } else {
            thousands(value)
        };
        let _ = writeln!(
            svg,
            "<line x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{1:.1}\" y2=\"{1:.1}\" stroke=\"#ddd\"/>\
             <text x=\"{2:.1}\" y=\"{3:.1}\" text-anchor=\"end\">{text}</text>",
            WIDTH - RIGHT,
            y(value),
            LEFT - 8.0,
            y(value) + 4.0,
        );
    }
    for place in &places {
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            x(*place),
            HEIGHT - BOTTOM + 20.0,
            thousands(*place)
        );
    }
    // Names stand at the ends of their lines, as far as there is room between them.
    let mut ends: Vec<(usize, f64)> = lines
        .iter()
        .enumerate()
        .map(|(index, line)| (index, line.points.last().map_or(0.0, |(_, end)| y(*end))))
        .collect();
    ends.sort_by(|one, other| one.1.total_cmp(&other.1));
    let mut free = TOP;
    let over = |left: usize| HEIGHT - BOTTOM - 14.0 * left as f64;
    let count = ends.len();
    for (nth, (_, end)) in ends.iter_mut().enumerate() {
        *end = end.min(over(count - nth - 1)).max(free);
        free = *end + 14.0;
    }
    for (index, end) in ends {
        let Some(line) = lines.get(index) else {
            continue;
        };
        // By its name, in all plots.
        let place = place(line.name);
        let colour = COLOURS
            .get(place % COLOURS.len())
            .copied()
            .unwrap_or("#000");
        let is_ours = line.name == "specwire";
        let width = if is_ours { 3 } else { 1 };
        let dash = if place >= COLOURS.len() {
            " stroke-dasharray=\"5 3\""
        } else {
            ""
        };
        let points: Vec<_> = line
            .points
            .iter()
            .map(|(at, value)| format!("{:.1},{:.1}", x(*at), y(*value)))
            .collect();
        let weight = if is_ours { " font-weight=\"bold\"" } else { "" };
        let _ = writeln!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{width}\"{dash}/>\
             <text x=\"{:.1}\" y=\"{:.1}\" fill=\"{colour}\"{weight}>{}</text>",
            points.join(" "),
            WIDTH - RIGHT + 10.0,
            end + 4.0,
            line.name
        );
    }
    svg.push_str("</svg>\n");
    svg
}

/// How values are laid out, from the bottom to the top.
#[derive(Clone, Copy, Debug)]
enum Scale {
    /// From zero to this.
    Linear(f64),
    /// From one of these to the other by orders of magnitude, where the most is far from the least.
    Magnitudes(f64, f64),
}

impl Scale {
    fn of(values: &[f64]) -> Self {
        let most = values.iter().copied().fold(0.0, f64::max);
        let least = values.iter().copied().fold(most, f64::min);
        if least > 0.0 && most / least > 20.0 {
            let up = |value: f64| MARKS.map(|mark| mark * value).into_iter();
            let (bottom, top) = (unit(least), unit(most));
            let bottom = up(bottom).rfind(|mark| *mark <= least).unwrap_or(bottom);
            let top = up(top).find(|mark| *mark >= most).unwrap_or(10.0 * top);
            return Self::Magnitudes(bottom, top);
        }
        let steps = [1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 7.5, 10.0].map(|step| step * unit(most));
        Self::Linear(steps.into_iter().find(|step| *step >= most).unwrap_or(most))
    }

    /// Where a value is, 0 to 1.
    fn part(self, value: f64) -> f64 {
        match self {
            Self::Linear(top) => value / top,
            Self::Magnitudes(bottom, top) => (value / bottom).ln() / (top / bottom).ln(),
        }
    }

    fn marks(self) -> Vec<f64> {
        match self {
            Self::Linear(top) => (0..=5).map(|step| top * f64::from(step) / 5.0).collect(),
            Self::Magnitudes(bottom, top) => {
                let powers = (0..10).map(|power| unit(bottom) * 10f64.powi(power));
                let marks = powers.flat_map(|power| MARKS.map(|mark| mark * power));
                let inside = bottom * 0.99..top * 1.01;
                marks.filter(|mark| inside.contains(mark)).collect()
            }
        }
    }
}

/// In each order of magnitude.
const MARKS: [f64; 3] = [1.0, 2.0, 5.0];

/// The power of ten that is not more.
fn unit(value: f64) -> f64 {
    10f64.powf(value.max(1e-9).log10().floor())
}
