fn main() -> specwire_codegen::Result<()> {
    specwire_codegen::compile("Thermostat.yaml")?;
    specwire_codegen::compile("plant")
}
