//! Generates Rust from the documents that are measured.

fn main() -> specwire_codegen::Result<()> {
    specwire_codegen::compile("../yaml/Ping.yaml")?;
    specwire_codegen::compile("../yaml/Heartbeat.yaml")?;
    specwire_codegen::compile("../yaml/Topics.yaml")?;
    specwire_codegen::compile("yaml/Feed.yaml")
}
