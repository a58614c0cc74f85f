//! Makes Cargo see features that are new: `include_dir` alone watches only the files that were there already, and the
//! built-in suite would silently be an old one.

fn main() {
    println!("cargo:rerun-if-changed=features");
}
