//! Who is told that a backup is missing.

use proptest::{prelude::*, strategy::ValueTree as _, test_runner::TestRunner};
use simpul_app::{
    Personal,
    identity::{
        invitations::{Handover, Invitation, InviteUser},
        letters::News,
        users::{DisableUser, EnableUser},
    },
    platform::{BackupNews, RecordBackup},
};
use simpul_domain::{
    BackupId, TenantId, UserId,
    identity::{BuiltInRole, LetterKind, UserKind},
};
use simpul_event_store::{Actor, feed};
use simpul_testkit::sql::Session;

use crate::{letters, rig::Rig};

/// At most so many people run the platform here.
const MOST: usize = 5;

#[derive(Debug, Clone, Copy)]
enum Step {
    Invite { owner: bool },
    Disable(usize),
    Enable(usize),
}

fn steps() -> impl Strategy<Value = (Vec<Step>, String)> {
    let step = prop_oneof![
        2 => any::<bool>().prop_map(|owner| Step::Invite { owner }),
        2 => (0..MOST).prop_map(Step::Disable),
        2 => (0..MOST).prop_map(Step::Enable),
    ];
    (prop::collection::vec(step, 0..4), "[a-z <>&]{1,40}")
}

struct Admin {
    user: UserId,
    email: String,
    enabled: bool,
}

struct Platform {
    rig: Rig,
    admins: Vec<Admin>,
}

impl Platform {
    const SYSTEM: Actor = Actor::System("test");

    async fn take(&mut self, step: Step) {
        let platform = TenantId::PLATFORM;
        match step {
            Step::Invite { owner } if self.admins.len() < MOST => {
                let email = format!("admin{}@simpul.example", self.admins.len());
                let role = if owner {
                    BuiltInRole::PlatformOwner
                } else {
                    BuiltInRole::SuperAdmin
                };
                let invitation = Invitation {
                    email: Personal::new(&email),
                    name: Personal::new("Sari"),
                    kind: UserKind::Staff,
                    roles: [role.into()].into(),
                    handover: Handover::Letter,
                };
                let invited = self
                    .rig
                    .ask(platform, Self::SYSTEM, InviteUser { invitation })
                    .await;
                self.admins.push(Admin {
                    user: invited.expect("invited"),
                    email,
                    enabled: true,
                });
            }
            Step::Invite { .. } => {}
            Step::Disable(which) => {
                let Some(admin) = self.admins.get_mut(which) else {
                    return;
                };
                let user = admin.user;
                // The last owner stays: then it is refused.
                let disabled = self.rig.ask(platform, Self::SYSTEM, DisableUser { user }).await;
                admin.enabled &= disabled.is_err();
            }
            Step::Enable(which) => {
                let Some(admin) = self.admins.get_mut(which) else {
                    return;
                };
                let user = admin.user;
                let enabled = self.rig.ask(platform, Self::SYSTEM, EnableUser { user }).await;
                admin.enabled |= enabled.is_ok();
            }
        }
    }

    async fn fails(&self, backup: BackupId, reason: &str) {
        let news = BackupNews::Failed {
            reason: reason.to_owned(),
        };
        let record = RecordBackup { backup, news };
        self.rig
            .ask(TenantId::PLATFORM, Actor::System("backup"), record)
            .await
            .expect("recorded");
    }

    async fn failures(&self) -> usize {
        let log = feed::page(self.rig.store(), TenantId::PLATFORM, 0, 10_000)
            .await
            .expect("the log");
        let failed = log
            .iter()
            .filter(|event| event.event_type == "platform.backup.failed");
        failed.count()
    }
}

// Property 55: a failed backup is an event and tells every admin, whoever they are by then, once.
#[tokio::test]
async fn a_failed_backup_tells_everybody_who_runs_the_platform_and_nobody_else() {
    let rig = Rig::new().await;
    let mut admin = Session::open(&rig.test.superuser_url()).await;
    let mut platform = Platform {
        rig,
        admins: Vec::new(),
    };
    let mut runner = TestRunner::deterministic();
    for case in 0..100 {
        let (story, reason) = steps().new_tree(&mut runner).expect("generated").current();
        for step in &story {
            platform.take(*step).await;
        }
        let backup = BackupId::new(platform.rig.store().ids().next());
        // Whoever made it may say so twice.
        platform.fails(backup, &reason).await;
        platform.fails(backup, &reason).await;
        assert_eq!(platform.failures().await, case + 1);
        let written = letters::waiting(&platform.rig, TenantId::PLATFORM).await;
        let mut told = Vec::new();
        for (kind, content) in written {
            if kind == LetterKind::BackupFailed {
                let reason = reason.clone();
                assert_eq!(content.news, Some(News::BackupFailed { reason }));
                told.push(content.to.as_str().to_owned());
            }
        }
        told.sort();
        let may = platform.admins.iter().filter(|admin| admin.enabled);
        let expected: Vec<String> = may.map(|admin| admin.email.clone()).collect();
        assert_eq!(told, expected, "case {case}: {story:?}");
        admin
            .run("DELETE FROM es.letters")
            .await
            .expect("read and thrown away");
    }
}
