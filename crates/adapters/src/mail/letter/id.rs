//! Bahasa Indonesia.

use simpul_domain::identity::LetterKind;

use super::{Facts, Paragraph, Seen, Unpaid};

pub(super) fn subject(kind: LetterKind, Facts { operator, .. }: &Facts) -> String {
    match kind {
        LetterKind::Invitation => format!("Undangan bergabung di {operator}"),
        LetterKind::PasswordReset => format!("Atur ulang kata sandi {operator}"),
        LetterKind::EmailChange => format!("Konfirmasi alamat email baru di {operator}"),
        LetterKind::EmailChanged => format!("Alamat email Anda di {operator} telah diubah"),
        LetterKind::NewDevice => format!("Login baru ke akun Anda di {operator}"),
        LetterKind::AddOnRejected => format!("Add-on untuk {operator} tidak disetujui"),
        LetterKind::AddOnActivated => format!("Add-on untuk {operator} sudah aktif"),
        LetterKind::BillIssued => format!("Tagihan baru untuk {operator}"),
        LetterKind::BillOverdue => format!("Tagihan {operator} lewat jatuh tempo"),
        LetterKind::PanelLocked => format!("Panel {operator} dikunci"),
        LetterKind::PanelUnlocked => format!("Panel {operator} dibuka kembali"),
        LetterKind::OwnerInvited => format!("Pemilik lain diundang ke {operator}"),
        LetterKind::IsolirHeld => format!("Isolir di {operator} menunggu keputusan Anda"),
        LetterKind::BackupFailed => format!("{operator}: cadangan data tidak ada"),
    }
}

pub(super) fn paragraphs(kind: LetterKind, facts: &Facts) -> Vec<Paragraph> {
    let Facts { operator, name, .. } = facts;
    let words = |text: String| Paragraph::Words(text);
    let mut letter = vec![words(format!("Halo {name},"))];
    letter.extend(match kind {
        LetterKind::Invitation => vec![
            words(format!(
                "Anda diundang menjadi pengguna {operator}. Terima undangan ini dalam 7 hari dengan kode berikut, lalu buat kata sandi Anda:"
            )),
            Paragraph::Ticket,
            words("Jika Anda tidak mengenal pengirimnya, abaikan email ini.".to_owned()),
        ],
        LetterKind::PasswordReset => vec![
            words(format!(
                "Ada permintaan untuk mengatur ulang kata sandi Anda di {operator}. Gunakan kode berikut dalam 30 menit:"
            )),
            Paragraph::Ticket,
            words("Jika bukan Anda yang meminta, abaikan email ini; kata sandi Anda tidak berubah.".to_owned()),
        ],
        LetterKind::EmailChange => vec![
            words(format!(
                "Alamat ini akan dipakai untuk masuk ke {operator}. Konfirmasikan dalam 24 jam dengan kode berikut:"
            )),
            Paragraph::Ticket,
            words("Jika bukan Anda yang meminta, abaikan email ini.".to_owned()),
        ],
        LetterKind::EmailChanged => vec![
            words(format!(
                "Sejak {}, akun Anda di {operator} memakai alamat email lain. Alamat ini tidak lagi bisa dipakai untuk masuk.",
                facts.seen().at
            )),
            words(format!("Jika bukan Anda yang mengubahnya, segera hubungi pengelola {operator}.")),
        ],
        LetterKind::NewDevice => vec![
            words(format!(
                "Akun Anda di {operator} baru saja dipakai untuk login dari perangkat yang belum pernah Anda pakai."
            )),
            words(seen(&facts.seen())),
            words("Jika itu Anda, tidak ada yang perlu dilakukan. Jika bukan, ganti kata sandi Anda dan akhiri semua sesi sekarang juga.".to_owned()),
        ],
        LetterKind::AddOnRejected => {
            let (add_on, reason) = facts.rejected();
            vec![
                words(format!("Add-on \"{add_on}\" yang dipesan untuk {operator} tidak disetujui.")),
                words(format!("Alasan: {reason}")),
            ]
        }
        LetterKind::AddOnActivated => vec![words(format!(
            "Add-on \"{}\" yang dipesan untuk {operator} sudah aktif dan dapat langsung dipakai. Biayanya dihitung mulai hari ini.",
            facts.activated()
        ))],
        LetterKind::BillIssued => issued(operator, &facts.billed()),
        LetterKind::BillOverdue => overdue(operator, &facts.billed()),
        LetterKind::PanelLocked => {
            let (reason, unpaid) = facts.locked();
            let why = unpaid.map_or_else(
                || format!("Alasan: {reason}"),
                |Unpaid { number, outstanding, .. }| {
                    format!(
                        "Alasan: tagihan {number} belum dibayar. Bayar {outstanding}; panel terbuka sendiri begitu tidak ada lagi tagihan yang menunggak."
                    )
                },
            );
            vec![
                words(format!(
                    "Panel {operator} dikunci: data masih dapat dilihat, tetapi tidak dapat diubah. Router dan pelanggan Anda tetap berjalan seperti biasa."
                )),
                words(why),
            ]
        }
        LetterKind::PanelUnlocked => vec![words(format!(
            "Panel {operator} tidak dikunci lagi. Semua pekerjaan dapat dilanjutkan."
        ))],
        LetterKind::OwnerInvited => vec![
            words(format!(
                "Platform mengundang pemilik lain ke {operator}. Yang bergabung memperoleh semua hak pemilik; hak Anda tetap."
            )),
            words("Jika tidak ada di antara Anda yang memintanya, nonaktifkan pengguna itu sekarang dan hubungi pengelola platform. Namanya ada di daftar pengguna, dan siapa yang mengundangnya ada di jejak audit.".to_owned()),
        ],
        LetterKind::IsolirHeld => {
            let (lines, of, usual) = facts.held();
            let usual = usual.map_or_else(String::new, |usual| format!(" Biasanya {usual} per hari."));
            vec![
                words(format!(
                    "Hari ini {lines} dari {of} langganan {operator} akan diisolir karena tagihan belum dibayar. Jumlah ini melebihi batas Anda, jadi belum ada yang diisolir.{usual}"
                )),
                words("Periksa daftarnya, lalu setujui atau tolak. Tanpa keputusan, jumlahnya dihitung lagi besok.".to_owned()),
            ]
        }
        LetterKind::BackupFailed => vec![
            words(format!(
                "{}: tidak ada cadangan {operator} yang baik dan cukup baru.",
                facts.seen().at
            )),
            words(facts.failed().to_owned()),
            words("Sampai pencadangan berhasil lagi, data sejak cadangan baik terakhir dapat hilang untuk selamanya. Periksa daftar cadangan dan log server.".to_owned()),
        ],
    });
    letter
}

fn seen(Seen { at, ip, program }: &Seen) -> String {
    let or_unknown = |text: &Option<String>| text.clone().unwrap_or_else(|| "tidak diketahui".to_owned());
    format!(
        "Waktu: {at}. Alamat IP: {}. Perangkat: {}.",
        or_unknown(ip),
        or_unknown(program)
    )
}

fn issued(operator: &str, bill: &Unpaid) -> Vec<Paragraph> {
    vec![Paragraph::Words(format!(
        "Tagihan {} untuk {operator} sudah terbit: {}. Bayar paling lambat {}.",
        bill.number,
        bill.outstanding,
        bill.due()
    ))]
}

fn overdue(operator: &str, bill: &Unpaid) -> Vec<Paragraph> {
    vec![
        Paragraph::Words(format!(
            "Tagihan {} untuk {operator} belum lunas: {}. Jatuh temponya {}.",
            bill.number,
            bill.outstanding,
            bill.due()
        )),
        Paragraph::Words("Jika tidak dibayar dalam masa tenggang, panel dikunci sampai tagihan lunas. Router dan pelanggan Anda tetap berjalan seperti biasa.".to_owned()),
    ]
}
