//! Independent clients against our simulators.

use std::process::Command;

/// `librouteros` from `PyPI` drives the router simulator unmodified: both logins, TLS, writes, queries, errors.
#[test]
fn librouteros_drives_the_router_simulator() {
    #[expect(
        clippy::disallowed_methods,
        reason = "the interpreter that ./dev has prepared"
    )]
    let python =
        std::env::var("SIMPUL_TEST_PYTHON").expect("run `./dev up` and `eval \"$(./dev env)\"` first");
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    // Examples are built beside the tests.
    let here = std::env::current_exe().expect("this test");
    let simulator = here
        .ancestors()
        .nth(2)
        .expect("the target folder")
        .join("examples/router_sim");
    let output = Command::new(python)
        .arg(root.join("conformance/librouteros_check.py"))
        .arg(simulator)
        .current_dir(root.parent().expect("the workspace"))
        .output()
        .expect("the interpreter runs");
    assert!(
        output.status.success(),
        "{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}
