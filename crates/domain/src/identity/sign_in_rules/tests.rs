//! 7 to 30 days, and nothing happens where nothing changes.

use proptest::prelude::*;

use super::*;
use crate::{
    Decider as _,
    given::{after, at, check_replay},
};

fn change(session_days: u8, warns: bool) -> SignInRulesCommand {
    SignInRulesCommand::Change {
        terms: SignInTerms {
            session_days,
            warns_of_new_devices: warns,
            warns_of_new_address: true,
        },
        at: at(0),
    }
}

#[test]
fn a_session_lasts_thirty_days_unless_the_tenant_shortens_it_to_no_less_than_seven() {
    let rules = SignInRules::default();
    assert_eq!(rules.terms().session_days, 30);
    assert_eq!(rules.decide(change(30, true)), Ok(Vec::new()), "as they are");
    for days in [0, 6, 31, 255] {
        assert_eq!(
            rules.decide(change(days, true)),
            Err(SignInRulesError::SessionDays),
            "{days}"
        );
    }
    let shortened: SignInRules = after([change(7, false)]);
    assert_eq!(shortened.terms().session_days, 7);
    assert!(!shortened.terms().warns_of_new_devices);
}

proptest! {
    // Property 74: replay of any command sequence gives the state.
    #[test]
    fn replaying_the_log_gives_the_state(
        commands in prop::collection::vec((0_u8..40, any::<bool>()).prop_map(|(days, warns)| change(days, warns)), 0..10),
    ) {
        check_replay::<SignInRules>(&commands, |_| true);
    }
}
