//! docs/scaling.md matches the simulation. `UPDATE_DOCS=1 cargo test --test core scaling` rewrites it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use postern_emulator::{Limit, Quota};

#[path = "../../bench/examples/burst/chart.rs"]
mod chart;
#[path = "../../bench/examples/burst/simulation.rs"]
mod simulation;

use simulation::{Course, Scenario, scenarios, work};

fn courses() -> Vec<(Scenario, Course)> {
    scenarios().into_iter().map(|one| (one, one.play())).collect()
}

fn picture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name)
}

#[test]
fn the_page_has_the_table_and_the_pictures_of_the_simulation() {
    let courses = courses();
    let rows: Vec<_> = courses.iter().map(|(scenario, course)| scenario.row(course)).collect();
    crate::docs::table("docs/scaling.md", "burst", &rows);
    let page = fs::read_to_string(picture("scaling.md")).unwrap();
    for (name, drawn) in chart::pictures(&courses).unwrap() {
        if std::env::var_os("UPDATE_DOCS").is_some() {
            fs::write(picture(name), drawn).unwrap();
        } else {
            let shown = fs::read_to_string(picture(name)).unwrap();
            assert!(shown == drawn, "docs/{name}: run `UPDATE_DOCS=1 cargo test --test core scaling`");
        }
        assert!(page.contains(&format!("({name})")), "{name}");
    }
}

#[test]
fn nothing_is_lost_on_the_way_and_no_quota_is_passed() {
    for (scenario, course) in courses() {
        println!("{}", scenario.name);
        assert_eq!(course.at_once + course.queued, scenario.mails);
        assert_eq!(course.waiting.first(), Some(&(Duration::ZERO, 0)));
        assert_eq!(course.waiting.last().map(|(_, waiting)| *waiting), Some(0), "the queue is empty at the end");
        let hours = course.end.as_secs().div_ceil(3600) as usize;
        let allowed = hours * scenario.limit.hour * scenario.subscriptions as usize;
        assert!(allowed >= scenario.mails as usize, "{allowed} in {hours} hours");
        assert_eq!(course, scenario.play(), "the same every time");
    }
}

#[test]
fn few_mails_pass_at_once_and_what_a_quota_does_not_allow_waits_for_its_window() {
    let scenario = |mails, over| Scenario {
        name: "",
        mails,
        over: Duration::from_secs(over),
        limit: Limit { minute: 30, hour: 100 },
        subscriptions: 1,
    };
    assert_eq!(Some(scenario(1, 1).limit), Quota::Custom.sends());
    let few = scenario(30, 60).play();
    assert_eq!((few.at_once, few.queued, few.refused), (30, 0, 0));
    // The 31st call of a minute is refused, and counts; a minute later the replay starts.
    let more = scenario(31, 31).play();
    assert_eq!((more.at_once, more.queued), (30, 1));
    assert!((60..180).contains(&more.end.as_secs()), "{more:?}");
}

#[test]
fn the_work_is_mails_by_rate() {
    let first = &scenarios()[0];
    let work = work(first, 500.0);
    assert_eq!((work.cpu_seconds, work.cores), (20.0, 20.0 / 600.0));
}
