//! The statements, prepared once for each connection. Plain SQL over TEXT, BIGINT and BYTEA; `{s}` is the schema.

/// A statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Sql {
    Get,
    GetMany,
    Find,
    RangeUp,
    RangeUpTo,
    RangeDown,
    RangeDownTo,
    ScanFrom,
    ScanFromTo,
    ScanBehind,
    ScanBehindTo,
    Feed,
    Head,
    Changes,
    LockHead,
    Documents,
    Holders,
    Topics,
    Trimmed,
    DeleteTerms,
    DeleteLongTerms,
    DeleteUnique,
    DeleteDocuments,
    InsertDocuments,
    UpdateDocuments,
    InsertTerms,
    InsertLongTerms,
    InsertUnique,
    InsertEntries,
    PutTopics,
    DeleteEntries,
    InsertChange,
    DropChanges,
    MoveHead,
    ChangeAt,
}

/// What connections that read have prepared.
pub(super) const READS: [Sql; 12] = [
    Sql::Get,
    Sql::GetMany,
    Sql::Find,
    Sql::RangeUp,
    Sql::RangeUpTo,
    Sql::RangeDown,
    Sql::RangeDownTo,
    Sql::ScanFrom,
    Sql::ScanFromTo,
    Sql::ScanBehind,
    Sql::ScanBehindTo,
    Sql::Feed,
];

/// What the connection that hears of changes has prepared.
pub(super) const HEARS: [Sql; 2] = [Sql::Head, Sql::Changes];

/// What the connection that writes has prepared.
pub(super) const WRITES: [Sql; 22] = [
    Sql::Changes,
    Sql::LockHead,
    Sql::Documents,
    Sql::Holders,
    Sql::Topics,
    Sql::Trimmed,
    Sql::DeleteTerms,
    Sql::DeleteLongTerms,
    Sql::DeleteUnique,
    Sql::DeleteDocuments,
    Sql::InsertDocuments,
    Sql::UpdateDocuments,
    Sql::InsertTerms,
    Sql::InsertLongTerms,
    Sql::InsertUnique,
    Sql::InsertEntries,
    Sql::PutTopics,
    Sql::DeleteEntries,
    Sql::InsertChange,
    Sql::DropChanges,
    Sql::MoveHead,
    Sql::ChangeAt,
];

/// Part of a statement that reads the end of a body, by which the ledger knows it.
pub(super) const TAIL: &str = "substr(body, greatest(length(body) - 15, 1))";

impl Sql {
    /// The statement's text, for the tables of `schema`.
    pub(super) fn text(self, schema: &str) -> String {
        self.template().replace("{s}", schema).replace("{tail}", TAIL)
    }

    fn template(self) -> &'static str {
        match self {
            Self::Get => "SELECT version, body FROM {s}.document WHERE kind = $1 AND key = $2",
            Self::GetMany => {
                "SELECT d.key, d.version, d.body FROM unnest($2::TEXT[]) AS w(key)
                 JOIN {s}.document AS d ON d.kind = $1 AND d.key = w.key"
            }
            Self::Find => "SELECT key FROM {s}.unique_key WHERE ix = $1 AND value = $2",
            Self::RangeUp => {
                "(SELECT value, key FROM {s}.term WHERE ix = $1 AND (value, key) > ($2, $3)
                  ORDER BY value, key LIMIT $4)
                 UNION ALL
                 (SELECT value, key FROM {s}.long_term WHERE ix = $1 AND (value, key) > ($2, $3)
                  ORDER BY value, key LIMIT $4)"
            }
            Self::RangeUpTo => {
                "(SELECT value, key FROM {s}.term WHERE ix = $1 AND (value, key) > ($2, $3) AND (value, key) < ($5, $6)
                  ORDER BY value, key LIMIT $4)
                 UNION ALL
                 (SELECT value, key FROM {s}.long_term
                  WHERE ix = $1 AND (value, key) > ($2, $3) AND (value, key) < ($5, $6)
                  ORDER BY value, key LIMIT $4)"
            }
            Self::RangeDown => {
                "(SELECT value, key FROM {s}.term WHERE ix = $1 AND (value, key) > ($2, $3)
                  ORDER BY value DESC, key DESC LIMIT $4)
                 UNION ALL
                 (SELECT value, key FROM {s}.long_term WHERE ix = $1 AND (value, key) > ($2, $3)
                  ORDER BY value DESC, key DESC LIMIT $4)"
            }
            Self::RangeDownTo => {
                "(SELECT value, key FROM {s}.term WHERE ix = $1 AND (value, key) > ($2, $3) AND (value, key) < ($5, $6)
                  ORDER BY value DESC, key DESC LIMIT $4)
                 UNION ALL
                 (SELECT value, key FROM {s}.long_term
                  WHERE ix = $1 AND (value, key) > ($2, $3) AND (value, key) < ($5, $6)
                  ORDER BY value DESC, key DESC LIMIT $4)"
            }
            Self::ScanFrom => {
                "SELECT key, version, body FROM {s}.document WHERE kind = $1 AND key >= $2 ORDER BY key LIMIT $3"
            }
            Self::ScanFromTo => {
                "SELECT key, version, body FROM {s}.document WHERE kind = $1 AND key >= $2 AND key < $4
                 ORDER BY key LIMIT $3"
            }
            Self::ScanBehind => {
                "SELECT key, version, body FROM {s}.document WHERE kind = $1 AND key > $2 ORDER BY key LIMIT $3"
            }
            Self::ScanBehindTo => {
                "SELECT key, version, body FROM {s}.document WHERE kind = $1 AND key > $2 AND key < $4
                 ORDER BY key LIMIT $3"
            }
            Self::Feed => {
                "SELECT sequence, id, body FROM {s}.entry WHERE topic = $1 AND sequence > $2
                 ORDER BY sequence LIMIT $3"
            }
            Self::Head => {
                "SELECT h.sequence, h.floor, (SELECT c.node FROM {s}.change AS c WHERE c.sequence = h.sequence)
                 FROM {s}.head AS h WHERE h.id = 1"
            }
            Self::Changes => {
                "SELECT sequence, keys, node FROM {s}.change WHERE sequence >= $1 ORDER BY sequence LIMIT $2"
            }
            _ => self.looking(),
        }
    }

    /// What a transaction that writes looks at, and what it takes out.
    fn looking(self) -> &'static str {
        match self {
            Self::LockHead => {
                "SELECT turn, sequence, floor, ledger IS NOT NULL, CASE WHEN turn = $1 THEN NULL ELSE ledger END
                 FROM {s}.head WHERE id = 1 FOR UPDATE"
            }
            Self::Documents => {
                "SELECT d.kind, d.key, d.version, d.terms, {tail}
                 FROM unnest($1::TEXT[], $2::TEXT[]) AS w(kind, key)
                 JOIN {s}.document AS d ON d.kind = w.kind AND d.key = w.key"
            }
            Self::Holders => {
                "SELECT u.ix, u.value FROM unnest($1::TEXT[], $2::TEXT[]) AS w(ix, value)
                 JOIN {s}.unique_key AS u ON u.ix = w.ix AND u.value = w.value"
            }
            Self::Topics => "SELECT name, last_sequence FROM {s}.topic WHERE name = ANY($1)",
            Self::Trimmed => {
                "SELECT sequence, {tail} FROM {s}.entry WHERE topic = $1 AND sequence <= $2
                 ORDER BY sequence LIMIT $3"
            }
            Self::DeleteTerms => {
                "DELETE FROM {s}.term AS t USING unnest($1::TEXT[], $2::TEXT[], $3::TEXT[]) AS w(ix, value, key)
                 WHERE t.ix = w.ix AND t.value = w.value AND t.key = w.key"
            }
            Self::DeleteLongTerms => {
                "DELETE FROM {s}.long_term AS t USING unnest($1::TEXT[], $2::BYTEA[]) AS w(ix, digest)
                 WHERE t.ix = w.ix AND t.digest = w.digest"
            }
            Self::DeleteUnique => {
                "DELETE FROM {s}.unique_key AS u USING unnest($1::TEXT[], $2::TEXT[]) AS w(ix, value)
                 WHERE u.ix = w.ix AND u.value = w.value"
            }
            Self::DeleteDocuments => {
                "DELETE FROM {s}.document AS d USING unnest($1::TEXT[], $2::TEXT[]) AS w(kind, key)
                 WHERE d.kind = w.kind AND d.key = w.key"
            }
            Self::DeleteEntries => "DELETE FROM {s}.entry WHERE topic = $1 AND sequence <= $2",
            Self::DropChanges => "DELETE FROM {s}.change WHERE sequence <= $1",
            Self::ChangeAt => "SELECT node FROM {s}.change WHERE sequence = $1",
            _ => self.writing(),
        }
    }

    /// What it writes.
    fn writing(self) -> &'static str {
        match self {
            Self::InsertDocuments => {
                "INSERT INTO {s}.document (kind, key, version, terms, body)
                 SELECT kind, key, version, terms, body
                 FROM unnest($1::TEXT[], $2::TEXT[], $3::BIGINT[], $4::BYTEA[], $5::BYTEA[])
                 AS w(kind, key, version, terms, body)"
            }
            Self::UpdateDocuments => {
                "UPDATE {s}.document AS d SET version = w.version, terms = w.terms, body = w.body
                 FROM unnest($1::TEXT[], $2::TEXT[], $3::BIGINT[], $4::BYTEA[], $5::BYTEA[])
                 AS w(kind, key, version, terms, body)
                 WHERE d.kind = w.kind AND d.key = w.key"
            }
            Self::InsertTerms => {
                "INSERT INTO {s}.term (ix, value, key)
                 SELECT ix, value, key FROM unnest($1::TEXT[], $2::TEXT[], $3::TEXT[]) AS w(ix, value, key)"
            }
            Self::InsertLongTerms => {
                "INSERT INTO {s}.long_term (ix, digest, value, key)
                 SELECT ix, digest, value, key
                 FROM unnest($1::TEXT[], $2::BYTEA[], $3::TEXT[], $4::TEXT[]) AS w(ix, digest, value, key)"
            }
            Self::InsertUnique => {
                "INSERT INTO {s}.unique_key (ix, value, kind, key)
                 SELECT ix, value, kind, key
                 FROM unnest($1::TEXT[], $2::TEXT[], $3::TEXT[], $4::TEXT[]) AS w(ix, value, kind, key)"
            }
            Self::InsertEntries => {
                "INSERT INTO {s}.entry (topic, sequence, id, body)
                 SELECT topic, sequence, id, body
                 FROM unnest($1::TEXT[], $2::BIGINT[], $3::TEXT[], $4::BYTEA[]) AS w(topic, sequence, id, body)"
            }
            Self::PutTopics => {
                "INSERT INTO {s}.topic (name, last_sequence)
                 SELECT name, last_sequence FROM unnest($1::TEXT[], $2::BIGINT[]) AS w(name, last_sequence)
                 ON CONFLICT (name) DO UPDATE SET last_sequence = excluded.last_sequence"
            }
            Self::InsertChange => "INSERT INTO {s}.change (sequence, node, keys) VALUES ($1, $2, $3)",
            Self::MoveHead => "UPDATE {s}.head SET turn = $1, sequence = $2, ledger = $3 WHERE id = 1",
            // All others only read.
            _ => "SELECT 1",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_statement_that_is_prepared_has_a_text_of_its_own() {
        let mut texts: Vec<String> = READS.iter().chain(&HEARS).chain(&WRITES).map(|sql| sql.text("s")).collect();
        assert!(texts.iter().all(|text| text != "SELECT 1" && !text.contains('{')));
        texts.sort();
        texts.dedup();
        // What two connections have prepared stands twice.
        assert_eq!(texts.len(), READS.len() + HEARS.len() + WRITES.len() - 1);
    }
}
