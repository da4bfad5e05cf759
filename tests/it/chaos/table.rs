//! The table of faults names tests that exist.

use std::fs;

use simpul_chaos::fault;

use crate::architecture;

#[test]
fn every_test_that_the_table_of_faults_names_exists() {
    let sources: Vec<String> = architecture::all_rust_files()
        .into_iter()
        .filter(|path| path.to_string_lossy().contains("tests/it/"))
        .map(|path| fs::read_to_string(path).expect("a source file"))
        .collect();
    let missing: Vec<&str> = fault::ALL
        .iter()
        .flat_map(|fault| fault.tests)
        .map(|test| test.name)
        .filter(|name| {
            let function = format!("fn {name}");
            !sources.iter().any(|source| source.contains(&function))
        })
        .collect();
    assert_eq!(
        missing,
        Vec::<&str>::new(),
        "tests that are named and do not exist"
    );
}
