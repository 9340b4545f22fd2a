//! How much memory a request takes beside what was there before.

use peak_alloc::PeakAlloc;

#[global_allocator]
static COUNTED: PeakAlloc = PeakAlloc;

/// Runs a step, which may take `each` bytes for each byte of its input and `base` for none.
///
/// # Panics
/// When it took more.
pub fn bounded<T>(input: usize, each: usize, base: usize, step: impl FnOnce() -> T) -> T {
    let before = COUNTED.current_usage();
    COUNTED.reset_peak_usage();
    let result = step();
    let taken = COUNTED.peak_usage().saturating_sub(before);
    let allowed = base + each * input;
    assert!(taken <= allowed, "{taken} bytes of memory for an input of {input}; {allowed} are allowed");
    result
}
