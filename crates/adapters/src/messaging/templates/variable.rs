//! The closed set of variables, their names in templates, and which kind of message has which.

use simpul_domain::messaging::MessageKind;

/// Something that a message can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Variable {
    /// The customer.
    Name,
    /// The operator, as customers know it.
    IspName,
    Plan,
    /// The billing period, such as "November 2026".
    Period,
    /// What is to be paid, or was paid.
    Amount,
    DueDate,
    InvoiceCode,
    /// Where to pay. May be missing.
    PayUrl,
    PaidDate,
    DaysOverdue,
    /// Whom to ask. May be missing.
    Contact,
}

impl Variable {
    pub const ALL: [Self; 11] = [
        Self::Name,
        Self::IspName,
        Self::Plan,
        Self::Period,
        Self::Amount,
        Self::DueDate,
        Self::InvoiceCode,
        Self::PayUrl,
        Self::PaidDate,
        Self::DaysOverdue,
        Self::Contact,
    ];

    /// Its name in a template.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::IspName => "isp_name",
            Self::Plan => "plan",
            Self::Period => "period",
            Self::Amount => "amount",
            Self::DueDate => "due_date",
            Self::InvoiceCode => "invoice_code",
            Self::PayUrl => "pay_url",
            Self::PaidDate => "paid_date",
            Self::DaysOverdue => "days_overdue",
            Self::Contact => "contact",
        }
    }

    /// Other names that are understood, Indonesian ones first.
    pub const fn aliases(self) -> &'static [&'static str] {
        match self {
            Self::Name => &["nama", "customer_name"],
            Self::IspName => &["nama_isp", "isp"],
            Self::Plan => &["paket", "package"],
            Self::Period => &["periode"],
            Self::Amount => &["jumlah", "tagihan", "nominal"],
            Self::DueDate => &["jatuh_tempo"],
            Self::InvoiceCode => &["no_invoice", "kode_invoice", "invoice_number"],
            Self::PayUrl => &["link_bayar", "payment_link"],
            Self::PaidDate => &["tanggal_bayar"],
            Self::DaysOverdue => &["hari_terlambat"],
            Self::Contact => &["kontak"],
        }
    }

    /// Whether a message may have to do without it; a template then sees an empty text.
    pub const fn is_optional(self) -> bool {
        matches!(self, Self::PayUrl | Self::Contact)
    }

    /// Invented, for previews and for the check at save time.
    pub const fn sample(self) -> &'static str {
        match self {
            Self::Name => "Budi Santoso",
            Self::IspName => "Maju Net",
            Self::Plan => "Rumah 20 Mbps",
            Self::Period => "November 2026",
            Self::Amount => "Rp150.000",
            Self::DueDate => "20 November 2026",
            Self::InvoiceCode => "INV/2026/11/0042",
            Self::PayUrl => "https://bayar.example/i/7f3a",
            Self::PaidDate => "18 November 2026",
            Self::DaysOverdue => "3",
            Self::Contact => "0812-3456-7890",
        }
    }

    /// What a message of this kind can tell.
    pub const fn of(kind: MessageKind) -> &'static [Self] {
        match kind {
            MessageKind::InvoiceCreated | MessageKind::InvoiceDueReminder => &[
                Self::Name,
                Self::IspName,
                Self::Plan,
                Self::Period,
                Self::Amount,
                Self::DueDate,
                Self::InvoiceCode,
                Self::PayUrl,
                Self::Contact,
            ],
            MessageKind::InvoiceOverdue => &[
                Self::Name,
                Self::IspName,
                Self::Plan,
                Self::Period,
                Self::Amount,
                Self::DueDate,
                Self::DaysOverdue,
                Self::InvoiceCode,
                Self::PayUrl,
                Self::Contact,
            ],
            MessageKind::InvoicePaid => &[
                Self::Name,
                Self::IspName,
                Self::Plan,
                Self::Period,
                Self::Amount,
                Self::PaidDate,
                Self::InvoiceCode,
                Self::Contact,
            ],
            MessageKind::CustomerIsolated => &[
                Self::Name,
                Self::IspName,
                Self::Plan,
                Self::Amount,
                Self::PayUrl,
                Self::Contact,
            ],
            MessageKind::CustomerUnisolated => &[Self::Name, Self::IspName, Self::Plan, Self::Contact],
        }
    }

    /// The variable of this kind with this name or alias, exactly as spelled.
    pub fn named(kind: MessageKind, name: &str) -> Option<Self> {
        Self::of(kind)
            .iter()
            .copied()
            .find(|variable| variable.as_str() == name || variable.aliases().contains(&name))
    }
}
