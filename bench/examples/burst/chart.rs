//! Charts of what becomes of mails, as SVG.

use std::error::Error;
use std::time::Duration;

use plotters::prelude::*;

use super::simulation::{Course, Scenario};

const SIZE: (u32, u32) = (900, 420);

/// Colours that people with colour vision deficiencies can distinguish (Okabe and Ito).
const COLOURS: [RGBColor; 3] = [RGBColor(0, 114, 178), RGBColor(213, 94, 0), RGBColor(0, 158, 115)];

/// A curve: its name, and numbers of mails over hours.
type Curve = (&'static str, Vec<(f64, u32)>);

/// The charts of docs/scaling.md, by name.
pub fn pictures(courses: &[(Scenario, Course)]) -> Result<[(&'static str, String); 3], Box<dyn Error>> {
    let waiting = |names: &[&str]| -> Vec<Curve> {
        let shown = courses.iter().filter(|(scenario, _)| names.contains(&scenario.name));
        shown.map(|(scenario, course)| (scenario.name, in_hours(&course.waiting))).collect()
    };
    let quick =
        ["quota raised tenfold, four subscriptions", "quota raised a hundredfold", "grouped by fifty before sending"];
    Ok([
        ("scaling-course.svg", draw("mails", &course(courses, "quota raised tenfold"))?),
        ("scaling-days.svg", draw("mails in the queue", &waiting(&["ACS's initial quota", "four subscriptions"]))?),
        ("scaling-hours.svg", draw("mails in the queue", &waiting(&quick))?),
    ])
}

/// What became of all mails of a scenario: each is waiting or with ACS.
fn course(courses: &[(Scenario, Course)], name: &str) -> Vec<Curve> {
    let Some((scenario, course)) = courses.iter().find(|(scenario, _)| scenario.name == name) else {
        return Vec::new();
    };
    let arrived = |at: Duration| {
        let share = (at.as_secs_f64() / scenario.over.as_secs_f64()).min(1.0);
        (f64::from(scenario.mails) * share) as u32
    };
    let arrivals: Vec<_> = course.waiting.iter().map(|(at, _)| (*at, arrived(*at))).collect();
    let taken: Vec<_> =
        course.waiting.iter().map(|(at, waiting)| (*at, arrived(*at).saturating_sub(*waiting))).collect();
    vec![
        ("arrived", in_hours(&arrivals)),
        ("accepted by ACS", in_hours(&taken)),
        ("in the queue", in_hours(&course.waiting)),
    ]
}

fn draw(what: &str, curves: &[Curve]) -> Result<String, Box<dyn Error>> {
    let points = || curves.iter().flat_map(|(_, points)| points);
    let end = points().map(|(at, _)| *at).fold(0.0, f64::max);
    let most = points().map(|(_, mails)| *mails).max().unwrap_or(0);
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        area.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(&area)
            .margin(16)
            .x_label_area_size(44)
            .y_label_area_size(64)
            .build_cartesian_2d(0.0..end * 1.02, 0..most + most / 10)?;
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .x_desc("hours since the burst began")
            .y_desc(what)
            .draw()?;
        for ((name, points), colour) in curves.iter().zip(COLOURS) {
            chart
                .draw_series(LineSeries::new(points.iter().copied(), colour.stroke_width(2)))?
                .label(*name)
                .legend(move |(x, y)| PathElement::new(vec![(x, y), (x + 18, y)], colour.stroke_width(2)));
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::MiddleRight)
            .background_style(WHITE)
            .border_style(BLACK.mix(0.3))
            .draw()?;
        area.present()?;
    }
    Ok(svg)
}

fn in_hours(points: &[(Duration, u32)]) -> Vec<(f64, u32)> {
    points.iter().map(|(at, mails)| (at.as_secs_f64() / 3600.0, *mails)).collect()
}
