//! Generates Rust from every document under `yaml/`.

fn main() -> specwire_codegen::Result<()> {
    specwire_codegen::compile("yaml")
}
