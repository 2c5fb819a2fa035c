//! Generates Rust from the echo's document.

fn main() -> specwire_codegen::Result<()> {
    specwire_codegen::compile("Echo.yaml")
}
