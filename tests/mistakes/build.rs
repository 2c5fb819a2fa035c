//! Three lines, as any user has them.

fn main() -> specwire_codegen::Result<()> {
    specwire_codegen::compile("yaml")
}
