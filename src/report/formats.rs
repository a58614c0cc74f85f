//! The results for other programs: [`ctrf`] for test dashboards, [`oscal`] for compliance tools, [`markdown`] for a pull request. What they
//! count, they count from the same results.

pub mod ctrf;
pub mod markdown;
pub mod oscal;

#[cfg(test)]
mod tests;
