//! scas.
