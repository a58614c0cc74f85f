//! Figures of the blind search.
fn main() {}
