//! The results for other programs: [`ctrf`] for test dashboards, [`oscal`] for compliance tools, [`markdown`] for a pull request; [`har`] for who
//! wants to look at the traffic. What they
//! count, they count from the same results.

pub mod ctrf;
pub mod har;
pub mod markdown;
pub mod oscal;

#[cfg(test)]
mod tests;
