//! Generates Rust from each of the published documents, if they are there.

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// Where the documents are, and the module that each becomes.
const DOCUMENTS: [(&str, &str); 9] = [
    ("yaml/File-Management/FileSystem.yaml", "file_system"),
    ("yaml/Monitor-and-Control/Action.yaml", "action"),
    ("yaml/Monitor-and-Control/Alert.yaml", "alert"),
    ("yaml/Monitor-and-Control/Parameter.yaml", "parameter"),
    ("yaml/Monitor-and-Control/Statistic.yaml", "statistic"),
    (
        "yaml/Software-Management/AppsLauncher.yaml",
        "apps_launcher",
    ),
    (
        "yaml/Software-Management/CommandExecutor.yaml",
        "command_executor",
    ),
    ("yaml/Software-Management/Heartbeat.yaml", "heartbeat"),
    ("demo/parameter-service/Parameter.yaml", "demo_parameter"),
];

fn main() -> specwire_codegen::Result<()> {
    println!("cargo::rustc-check-cfg=cfg(ccsds_documents)");
    println!("cargo::rerun-if-env-changed=CI");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("Cargo sets it"));
    let folder = Path::new(&env::var_os("CARGO_MANIFEST_DIR").expect("Cargo sets it"))
        .join("../../../shared/specs/valid/tanagraspace__ccsds-mo-to-asyncapi");
    println!("cargo::rerun-if-changed={}", folder.display());

    let mut modules = String::new();
    if folder.is_dir() {
        println!("cargo::rustc-cfg=ccsds_documents");
        for (document, module) in DOCUMENTS {
            // A folder for each: two documents are called Parameter.yaml.
            let out = out.join(module);
            fs::create_dir_all(&out).expect("OUT_DIR can be written to");
            specwire_codegen::Config::new()
                .out_dir(&out)
                .compile(folder.join(document))?;
            let generated = module.strip_prefix("demo_").unwrap_or(module);
            let file = out.join(generated).with_extension("rs");
            writeln!(
                modules,
                "/// Generated from `{document}`.\npub mod {module} {{ include!({file:?}); }}"
            )
            .expect("writing to a string does not fail");
        }
    } else if env::var_os("CI").is_some_and(|ci| ci == "true") {
        println!(
            "cargo::error=the CCSDS documents are not in {}",
            folder.display()
        );
    } else {
        println!(
            "cargo::warning=nothing is tested: the CCSDS documents are not in {}",
            folder.display()
        );
    }
    fs::write(out.join("modules.rs"), modules).expect("OUT_DIR can be written to");
    Ok(())
}
