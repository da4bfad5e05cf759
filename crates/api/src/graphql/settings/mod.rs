//! An operator's settings, a section at a time (SPEC section 20). `history(id)` of the tenant tells who changed which.

pub(crate) mod billing;
pub(crate) mod contact;
pub(crate) mod region;
pub(crate) mod service;

use async_graphql::{Context, Object, Result, SimpleObject};
use simpul_app::tenancy::ChangeSettings;
use simpul_domain::{
    TenantId,
    tenancy::{Section, TenantSettings as Settings},
};

use self::{
    billing::{
        DunningSettings, DunningSettingsChangeInput, InvoicingSettings, InvoicingSettingsChangeInput,
        TaxSetting, TaxSettingsChangeInput,
    },
    contact::{
        BrandingSettings, BrandingSettingsChangeInput, CodeSettings, CodeSettingsChangeInput,
        MessagingSettings, MessagingSettingsChangeInput, PaymentSettings, PaymentSettingsChangeInput,
    },
    region::{RegionSettings, RegionSettingsChangeInput},
    service::{
        CalendarSettings, CalendarSettingsChangeInput, IsolirSettings, IsolirSettingsChangeInput,
        SessionSettings, SessionSettingsChangeInput, VoucherSettings, VoucherSettingsChangeInput,
    },
};
use super::{
    payload::{Outcome, payload},
    scope::{Sent, scope},
    tenancy::Tenant,
    user_error::{Subject, UserError},
};

/// What an operator has chosen. Every value had a default.
#[derive(Debug, SimpleObject)]
pub(crate) struct TenantSettings {
    /// Clock and language.
    region: RegionSettings,
    /// When and how customers are billed.
    invoicing: InvoicingSettings,
    /// How prices are taxed, from which day on. The oldest rule first.
    taxes: Vec<TaxSetting>,
    /// What follows when a bill is not paid.
    dunning: DunningSettings,
    /// How service is restricted.
    isolir: IsolirSettings,
    /// Days on which nobody is isolated or reminded.
    calendar: CalendarSettings,
    /// What is told to customers, when and by whom.
    messaging: MessagingSettings,
    /// Through whom customers pay.
    payments: PaymentSettings,
    /// How the operator looks.
    branding: BrandingSettings,
    /// How codes are made.
    codes: CodeSettings,
    /// Sessions of subscribers.
    sessions: SessionSettings,
    /// How vouchers are made unless a batch says otherwise.
    vouchers: VoucherSettings,
}

impl From<&Settings> for TenantSettings {
    fn from(settings: &Settings) -> Self {
        Self {
            region: (&settings.region).into(),
            invoicing: (&settings.invoicing).into(),
            taxes: billing::taxes(&settings.taxation),
            dunning: (&settings.dunning).into(),
            isolir: (&settings.isolir).into(),
            calendar: (&settings.calendar).into(),
            messaging: (&settings.messaging).into(),
            payments: (&settings.payments).into(),
            branding: (&settings.branding).into(),
            codes: (&settings.codes).into(),
            sessions: (&settings.sessions).into(),
            vouchers: (&settings.vouchers).into(),
        }
    }
}

payload! {
    /// What `regionSettingsChange` answers.
    RegionSettingsChangePayload { tenant: Tenant = TenantId }
}
payload! {
    /// What `invoicingSettingsChange` answers.
    InvoicingSettingsChangePayload { tenant: Tenant = TenantId }
}
payload! {
    /// What `taxSettingsChange` answers.
    TaxSettingsChangePayload { tenant: Tenant = TenantId }
}
payload! {
    /// What `dunningSettingsChange` answers.
    DunningSettingsChangePayload { tenant: Tenant = TenantId }
}
payload! {
    /// What `isolirSettingsChange` answers.
    IsolirSettingsChangePayload { tenant: Tenant = TenantId }
}
payload! {
    /// What `calendarSettingsChange` answers.
    CalendarSettingsChangePayload { tenant: Tenant = TenantId }
}
payload! {
    /// What `messagingSettingsChange` answers.
    MessagingSettingsChangePayload { tenant: Tenant = TenantId }
}
payload! {
    /// What `paymentSettingsChange` answers.
    PaymentSettingsChangePayload { tenant: Tenant = TenantId }
}
payload! {
    /// What `brandingSettingsChange` answers.
    BrandingSettingsChangePayload { tenant: Tenant = TenantId }
}
payload! {
    /// What `codeSettingsChange` answers.
    CodeSettingsChangePayload { tenant: Tenant = TenantId }
}
payload! {
    /// What `sessionSettingsChange` answers.
    SessionSettingsChangePayload { tenant: Tenant = TenantId }
}
payload! {
    /// What `voucherSettingsChange` answers.
    VoucherSettingsChangePayload { tenant: Tenant = TenantId }
}

/// Changes of settings.
#[derive(Debug, Default)]
pub(crate) struct SettingsMutation;

async fn change<S: Into<Section>>(
    context: &Context<'_>,
    sent: Sent<'_>,
    section: Result<S, Vec<UserError>>,
) -> Result<Outcome<TenantId>> {
    let scope = scope(context)?;
    let command = section.map(|section| ChangeSettings {
        section: section.into(),
    });
    let outcome = scope.edit(Subject::implied("tenant"), sent, command, |()| scope.tenant());
    Ok(outcome.await?)
}

#[Object]
impl SettingsMutation {
    /// Replaces a section of the settings: clock and language.
    /// Permission: tenant.settings
    async fn region_settings_change(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The whole section.")] input: RegionSettingsChangeInput,
    ) -> Result<RegionSettingsChangePayload> {
        let sent = Sent::of(input.idempotency_key.as_deref(), input.expected_version);
        Ok(change(context, sent, Ok(input.section())).await?.into())
    }

    /// Replaces a section of the settings: when and how customers are billed.
    /// Permission: tenant.settings
    async fn invoicing_settings_change(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The whole section.")] input: InvoicingSettingsChangeInput,
    ) -> Result<InvoicingSettingsChangePayload> {
        let sent = Sent::of(input.idempotency_key.as_deref(), input.expected_version);
        Ok(change(context, sent, input.section()).await?.into())
    }

    /// Replaces a section of the settings: how prices are taxed, from which day on.
    /// Permission: tenant.settings
    async fn tax_settings_change(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The whole section.")] input: TaxSettingsChangeInput,
    ) -> Result<TaxSettingsChangePayload> {
        let sent = Sent::of(input.idempotency_key.as_deref(), input.expected_version);
        Ok(change(context, sent, input.section()).await?.into())
    }

    /// Replaces a section of the settings: what follows when a bill is not paid.
    /// Permission: tenant.settings
    async fn dunning_settings_change(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The whole section.")] input: DunningSettingsChangeInput,
    ) -> Result<DunningSettingsChangePayload> {
        let sent = Sent::of(input.idempotency_key.as_deref(), input.expected_version);
        Ok(change(context, sent, input.section()).await?.into())
    }

    /// Replaces a section of the settings: how service is restricted.
    /// Permission: tenant.settings
    async fn isolir_settings_change(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The whole section.")] input: IsolirSettingsChangeInput,
    ) -> Result<IsolirSettingsChangePayload> {
        let sent = Sent::of(input.idempotency_key.as_deref(), input.expected_version);
        Ok(change(context, sent, input.section()).await?.into())
    }

    /// Replaces a section of the settings: days on which nobody is isolated or reminded.
    /// Permission: tenant.settings
    async fn calendar_settings_change(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The whole section.")] input: CalendarSettingsChangeInput,
    ) -> Result<CalendarSettingsChangePayload> {
        let sent = Sent::of(input.idempotency_key.as_deref(), input.expected_version);
        Ok(change(context, sent, Ok(input.section())).await?.into())
    }

    /// Replaces a section of the settings: what is told to customers, when and by whom.
    /// Permission: tenant.settings
    async fn messaging_settings_change(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The whole section.")] input: MessagingSettingsChangeInput,
    ) -> Result<MessagingSettingsChangePayload> {
        let sent = Sent::of(input.idempotency_key.as_deref(), input.expected_version);
        Ok(change(context, sent, input.section()).await?.into())
    }

    /// Replaces a section of the settings: through whom customers pay.
    /// Permission: tenant.settings
    async fn payment_settings_change(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The whole section.")] input: PaymentSettingsChangeInput,
    ) -> Result<PaymentSettingsChangePayload> {
        let sent = Sent::of(input.idempotency_key.as_deref(), input.expected_version);
        Ok(change(context, sent, input.section()).await?.into())
    }

    /// Replaces a section of the settings: how the operator looks.
    /// Permission: tenant.settings
    async fn branding_settings_change(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The whole section.")] input: BrandingSettingsChangeInput,
    ) -> Result<BrandingSettingsChangePayload> {
        let sent = Sent::of(input.idempotency_key.as_deref(), input.expected_version);
        Ok(change(context, sent, input.section()).await?.into())
    }

    /// Replaces a section of the settings: how codes are made.
    /// Permission: tenant.settings
    async fn code_settings_change(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The whole section.")] input: CodeSettingsChangeInput,
    ) -> Result<CodeSettingsChangePayload> {
        let sent = Sent::of(input.idempotency_key.as_deref(), input.expected_version);
        Ok(change(context, sent, input.section()).await?.into())
    }

    /// Replaces a section of the settings: sessions of subscribers.
    /// Permission: tenant.settings
    async fn session_settings_change(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The whole section.")] input: SessionSettingsChangeInput,
    ) -> Result<SessionSettingsChangePayload> {
        let sent = Sent::of(input.idempotency_key.as_deref(), input.expected_version);
        Ok(change(context, sent, input.section()).await?.into())
    }

    /// Replaces a section of the settings: how vouchers are made unless a batch says otherwise.
    /// Permission: tenant.settings
    async fn voucher_settings_change(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The whole section.")] input: VoucherSettingsChangeInput,
    ) -> Result<VoucherSettingsChangePayload> {
        let sent = Sent::of(input.idempotency_key.as_deref(), input.expected_version);
        Ok(change(context, sent, input.section()).await?.into())
    }
}
