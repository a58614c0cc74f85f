//! Reference products.
