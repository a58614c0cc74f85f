//! Simulated roles.
