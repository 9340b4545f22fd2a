//! How long to wait before the next call: exponential, with full jitter, so that many instances do not come at once
//! (AWS Architecture Blog, "Exponential Backoff And Jitter").

use std::time::Duration;

/// What the first wait is at most.
const FIRST: Duration = Duration::from_millis(200);

/// What any wait is at most.
const CEILING: Duration = Duration::from_secs(4);

/// The wait after so many calls, evenly between nothing and its bound; `random` has 128 random bits.
pub(crate) fn wait(calls: u32, random: u128) -> Duration {
    let doublings = calls.saturating_sub(1).min(16);
    let bound = FIRST.saturating_mul(1 << doublings).min(CEILING);
    bound.mul_f64((random >> 96) as f64 / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::wait;

    #[test]
    fn waits_double_up_to_four_seconds_and_are_anything_below() {
        let bounds = [200, 400, 800, 1600, 3200, 4000, 4000];
        for (calls, bound) in (1..).zip(bounds) {
            assert_eq!(wait(calls, u128::MAX), Duration::from_millis(bound));
            assert_eq!(wait(calls, 0), Duration::ZERO);
        }
        assert_eq!(wait(u32::MAX, u128::MAX), Duration::from_secs(4));
        let half = wait(1, u128::from(u32::MAX / 2) << 96).as_secs_f64();
        assert!((0.0999..0.1001).contains(&half), "{half}");
    }
}
