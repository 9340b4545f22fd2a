//! How much memory a request takes in addition to what was in use before.

use peak_alloc::PeakAlloc;

#[global_allocator]
static COUNTED: PeakAlloc = PeakAlloc;

/// Runs a step, which may use `each` bytes for each byte of its input, and `base` bytes in addition.
///
/// # Panics
/// If it used more.
pub fn bounded<T>(input: usize, each: usize, base: usize, step: impl FnOnce() -> T) -> T {
    let before = COUNTED.current_usage();
    COUNTED.reset_peak_usage();
    let result = step();
    let taken = COUNTED.peak_usage().saturating_sub(before);
    let allowed = base + each * input;
    assert!(taken <= allowed, "{taken} bytes of memory for an input of {input}; {allowed} are allowed");
    result
}
