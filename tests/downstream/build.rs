fn main() -> specwire_codegen::Result<()> {
    specwire_codegen::compile("Thermostat.yaml")
}
