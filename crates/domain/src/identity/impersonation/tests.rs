//! Once, and never among the platform's own.

use super::*;
use crate::{
    Decider as _, SessionId, TenantId, UserId,
    given::{after, at, cells, check_replay, uuid},
    operations::Reason,
};

fn request(tenant: TenantId) -> ImpersonationCommand {
    ImpersonationCommand::Request {
        session: SessionId::new(uuid(1)),
        by: UserId::new(uuid(2)),
        tenant,
        user: UserId::new(uuid(3)),
        reason: Reason::parse("tiket 4711").expect("a reason"),
        at: at(0),
    }
}

#[test]
fn every_cell_of_status_and_command_is_decided() {
    let tenant = TenantId::new(uuid(9));
    let states: [(&str, Impersonation); 2] = [
        ("ABSENT", Impersonation::default()),
        ("REQUESTED", after([request(tenant)])),
    ];
    let commands = [
        ("request", request(tenant)),
        ("request in the platform", request(TenantId::PLATFORM)),
    ];
    insta::assert_snapshot!(cells(&states, &commands));
}

#[test]
fn replaying_the_log_gives_the_state() {
    let tenant = TenantId::new(uuid(9));
    check_replay::<Impersonation>(&[request(tenant), request(tenant)], |_| false);
    let requested: Impersonation = after([request(tenant)]);
    assert_eq!(
        requested.decide(request(tenant)),
        Err(ImpersonationError::AlreadyRequested)
    );
}
