//! What refusals say to people who do not read English (`facts/graphql.md` 6.5, E5). What the program says by itself is
//! English; this says the same in Indonesian, by code and facts, for whoever asks for it with `Accept-Language`.

use serde_json::Value;
use simpul_domain::Code;

/// The text of a refusal in Indonesian.
pub(super) fn indonesian(code: Code, params: &Value) -> String {
    let fact = |key: &str| params.get(key).and_then(Value::as_str);
    let text = match code {
        Code::Unauthorized => "Anda belum masuk, atau sesi Anda sudah berakhir",
        Code::Forbidden => "Anda tidak berhak melakukan ini",
        Code::NotFound => "Data yang dituju tidak ditemukan",
        Code::ValidationError => return invalid(fact("rule")),
        Code::DuplicateEntry => "Nilai ini sudah dipakai",
        Code::RateLimit => "Terlalu banyak permintaan, tunggu sebentar",
        Code::InternalError => "Terjadi kesalahan pada server",
        Code::TenantMismatch => "Token, alamat dan header tidak menunjuk penyedia yang sama",
        Code::Conflict => "Data sedang diubah oleh orang lain, silakan ulangi",
        Code::IdempotencyKeyReused => "Kunci idempotensi ini sudah dipakai untuk isian lain",
        Code::StaleVersion => "Data sudah diubah oleh orang lain, muat ulang lalu ulangi",
        Code::StaleRead => "Data terbaru belum siap, silakan ulangi",
        Code::LimitReached => "Batas paket Anda sudah tercapai",
        Code::SlowConsumer => "Koneksi Anda terlalu lambat untuk aliran ini",
        Code::FeatureDisabled => "Fitur ini tidak termasuk dalam paket Anda",
        Code::PanelLocked => "Panel terkunci: hanya pembayaran yang dapat dilakukan",
        Code::TargetNotAllowed => "Alamat ini tidak boleh dihubungi",
        Code::Unavailable => "Layanan sedang tidak tersedia, coba lagi nanti",
        Code::NotAllowedInState => return not_now(fact("state")),
        Code::StorageFull => "Penyimpanan server penuh, coba lagi nanti",
        Code::BadRequest => "Permintaan tidak lengkap atau tidak terbaca",
        Code::UnsupportedMediaType => "Isi permintaan harus application/json",
        Code::NotAcceptable => "Bentuk jawaban yang diminta tidak tersedia",
        Code::MethodNotAllowed => "Metode HTTP ini tidak diizinkan di sini",
        Code::PayloadTooLarge => "Isi permintaan terlalu besar",
        Code::GraphqlParseFailed => "Dokumen bukan GraphQL yang benar",
        Code::GraphqlValidationFailed => "Dokumen atau variabelnya tidak sesuai dengan skema",
        Code::OperationResolutionFailure => "Tidak jelas operasi mana yang dimaksud",
        Code::DocumentTooLarge => "Dokumen terlalu besar",
        Code::CostLimitExceeded => "Operasi ini terlalu mahal",
        Code::PersistedQueryNotFound => "Dokumen dengan id ini tidak dikenal",
        Code::PersistedQueryRequired => "Hanya dokumen yang dikenal yang boleh dipakai",
        Code::Timeout => "Operasi berjalan terlalu lama",
        Code::InvoiceAlreadyPaid => "Tagihan sudah lunas",
        Code::AmountNotWhole => "Jumlah harus rupiah bulat dan lebih dari nol",
        Code::QrisFeeOnPayer => "Biaya QRIS tidak boleh dibebankan kepada pembayar",
        Code::UpstreamUnavailable => "Gateway, router atau pengirim pesan tidak menjawab, coba lagi nanti",
    };
    text.to_owned()
}

/// The text of an entry of `errors` in Indonesian, where its code says all that people need. Nothing for those whose English
/// text says what is wrong with a document, an argument or a request.
pub(crate) fn indonesian_error(code: Code, params: &Value) -> Option<String> {
    let is_for_people = match code {
        // Whose permission is missing; others say what may not be done where.
        Code::Forbidden => params.get("permission").is_some(),
        Code::Unauthorized
        | Code::NotFound
        | Code::DuplicateEntry
        | Code::RateLimit
        | Code::InternalError
        | Code::TenantMismatch
        | Code::Conflict
        | Code::IdempotencyKeyReused
        | Code::StaleVersion
        | Code::StaleRead
        | Code::SlowConsumer
        | Code::FeatureDisabled
        | Code::PanelLocked
        | Code::Unavailable
        | Code::NotAllowedInState
        | Code::StorageFull
        | Code::PersistedQueryNotFound
        | Code::PersistedQueryRequired
        | Code::Timeout
        | Code::InvoiceAlreadyPaid
        | Code::AmountNotWhole
        | Code::QrisFeeOnPayer
        | Code::UpstreamUnavailable => true,
        Code::ValidationError
        | Code::LimitReached
        | Code::TargetNotAllowed
        | Code::BadRequest
        | Code::UnsupportedMediaType
        | Code::NotAcceptable
        | Code::MethodNotAllowed
        | Code::PayloadTooLarge
        | Code::GraphqlParseFailed
        | Code::GraphqlValidationFailed
        | Code::OperationResolutionFailure
        | Code::DocumentTooLarge
        | Code::CostLimitExceeded => false,
    };
    is_for_people.then(|| indonesian(code, params))
}

fn invalid(rule: Option<&str>) -> String {
    let text = match rule {
        Some("length") => "Panjang isian ini tidak sesuai",
        Some("range") => "Nilai ini di luar batas yang diizinkan",
        Some("pattern") => "Bentuk isian ini tidak benar",
        Some("required") => "Isian ini wajib diisi",
        Some("positive") => "Nilai ini harus lebih dari nol",
        Some("not_negative") => "Nilai ini tidak boleh kurang dari nol",
        Some("unique") => "Isian ini berisi hal yang sama dua kali",
        Some("count") => "Jumlah isian ini tidak sesuai",
        Some("known" | "choice" | "kind" | "role") => "Pilihan ini tidak tersedia",
        Some("reserved") => "Nama ini disimpan untuk platform",
        Some("future") => "Waktu ini harus di masa depan",
        Some("balance" | "total_negative" | "sign") => "Jumlah-jumlah ini tidak cocok satu sama lain",
        _ => "Isian ini tidak sah",
    };
    text.to_owned()
}

fn not_now(state: Option<&str>) -> String {
    let said = |state: &str| format!("Tidak dapat dilakukan dalam keadaan sekarang ({state})");
    state.map_or_else(|| "Tidak dapat dilakukan dalam keadaan sekarang".to_owned(), said)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_code_has_words_of_its_own() {
        let said = Code::ALL.iter().map(|code| indonesian(*code, &Value::Null));
        let different: std::collections::BTreeSet<String> = said.collect();
        assert_eq!(different.len(), Code::ALL.len());
    }

    #[test]
    fn facts_are_said_where_there_are_any() {
        let state = indonesian(Code::NotAllowedInState, &json!({ "state": "VOID" }));
        assert!(state.contains("VOID"), "{state}");
        let rule = indonesian(Code::ValidationError, &json!({ "rule": "required" }));
        assert_eq!(rule, "Isian ini wajib diisi");
    }
}
