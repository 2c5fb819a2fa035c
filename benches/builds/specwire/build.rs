fn main() -> specwire_codegen::Result<()> {
    specwire_codegen::compile("../../../yaml/Heartbeat.yaml")
}
