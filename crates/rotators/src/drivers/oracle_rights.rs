//! What a user of Oracle may do: how to look it up, and the statement that gives the same to another. What a user owns is
//! not among it.

use crate::Failure;

/// Whether there is a user.
pub const USER: &str = "SELECT USERNAME FROM DBA_USERS WHERE USERNAME = :1";

/// Makes the statement of a row for a user, which is quoted.
type Granting = fn(&[String], &str) -> Result<String, Failure>;

/// Look-ups by the name of a user, and what their rows become.
pub const LOOK_UPS: [(&str, Granting); 4] = [
    ("SELECT GRANTED_ROLE, ADMIN_OPTION FROM DBA_ROLE_PRIVS WHERE GRANTEE = :1", role),
    ("SELECT PRIVILEGE, ADMIN_OPTION FROM DBA_SYS_PRIVS WHERE GRANTEE = :1", system),
    ("SELECT PRIVILEGE, TYPE, OWNER, TABLE_NAME, GRANTABLE, HIERARCHY FROM DBA_TAB_PRIVS WHERE GRANTEE = :1", object),
    ("SELECT PRIVILEGE, COLUMN_NAME, OWNER, TABLE_NAME, GRANTABLE FROM DBA_COL_PRIVS WHERE GRANTEE = :1", column),
];

/// Kinds of objects that statements name; those without a schema first.
const KINDS_ALONE: [&str; 3] = ["DIRECTORY", "EDITION", "USER"];
const KINDS: [&str; 4] = ["JAVA RESOURCE", "JAVA SOURCE", "MINING MODEL", "SQL TRANSLATION PROFILE"];

/// A name as the catalog has it: in capitals, unless it is in quotes.
pub fn stored(name: &str) -> String {
    let inner = name.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    inner.map_or_else(|| name.to_uppercase(), str::to_owned)
}

/// A name of the catalog as an identifier.
///
/// # Errors
/// A `ValueError` when it holds a quote, which no identifier can.
pub fn enquoted(name: &str) -> Result<String, Failure> {
    if name.is_empty() || name.contains('"') {
        return Err(Failure::value("A name of Oracle must not be empty or contain double quotes"));
    }
    Ok(format!("\"{name}\""))
}

fn role(row: &[String], to: &str) -> Result<String, Failure> {
    let [role, admin] = row else { return Err(unexpected()) };
    Ok(format!("GRANT {} TO {to}{}", enquoted(role)?, option(admin, " WITH ADMIN OPTION")))
}

fn system(row: &[String], to: &str) -> Result<String, Failure> {
    let [privilege, admin] = row else { return Err(unexpected()) };
    Ok(format!("GRANT {} TO {to}{}", word(privilege)?, option(admin, " WITH ADMIN OPTION")))
}

fn object(row: &[String], to: &str) -> Result<String, Failure> {
    let [privilege, kind, owner, name, grantable, hierarchy] = row else { return Err(unexpected()) };
    let name = enquoted(name)?;
    let on = if KINDS_ALONE.contains(&kind.as_str()) {
        format!("{kind} {name}")
    } else if KINDS.contains(&kind.as_str()) {
        format!("{kind} {}.{name}", enquoted(owner)?)
    } else {
        format!("{}.{name}", enquoted(owner)?)
    };
    let (hierarchy, grant) = (option(hierarchy, " WITH HIERARCHY OPTION"), option(grantable, " WITH GRANT OPTION"));
    Ok(format!("GRANT {} ON {on} TO {to}{hierarchy}{grant}", word(privilege)?))
}

fn column(row: &[String], to: &str) -> Result<String, Failure> {
    let [privilege, column, owner, name, grantable] = row else { return Err(unexpected()) };
    let (column, owner, name) = (enquoted(column)?, enquoted(owner)?, enquoted(name)?);
    let grant = option(grantable, " WITH GRANT OPTION");
    Ok(format!("GRANT {} ({column}) ON {owner}.{name} TO {to}{grant}", word(privilege)?))
}

fn option<'a>(flag: &str, clause: &'a str) -> &'a str {
    if flag == "YES" { clause } else { "" }
}

/// A privilege: words of capital letters.
fn word(privilege: &str) -> Result<&str, Failure> {
    let fits = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == ' ' || c == '_';
    if privilege.is_empty() || !privilege.chars().all(fits) {
        return Err(unexpected());
    }
    Ok(privilege)
}

fn unexpected() -> Failure {
    Failure::new("DatabaseError", "The catalog's answer is not of its form")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn names_are_in_capitals_unless_they_are_in_quotes() {
        assert_eq!(enquoted(&stored("app")).as_deref(), Ok("\"APP\""));
        assert_eq!(enquoted(&stored("\"aPp\"")).as_deref(), Ok("\"aPp\""));
        assert!(enquoted(&stored("a\" b")).is_err() && enquoted(&stored("\"\"")).is_err());
        assert!(enquoted(&stored("\"a\"_CLONE")).is_err());
    }

    #[test]
    fn rights_become_the_statements_that_give_them() {
        let to = "\"U\"";
        for (made, statement) in [
            (role(&row(&["APP ROLE", "YES"]), to), "GRANT \"APP ROLE\" TO \"U\" WITH ADMIN OPTION"),
            (system(&row(&["CREATE SESSION", "NO"]), to), "GRANT CREATE SESSION TO \"U\""),
            (
                object(&row(&["SELECT", "TABLE", "o", "T;--", "YES", "YES"]), to),
                "GRANT SELECT ON \"o\".\"T;--\" TO \"U\" WITH HIERARCHY OPTION WITH GRANT OPTION",
            ),
            (
                object(&row(&["READ", "DIRECTORY", "SYS", "D", "NO", "NO"]), to),
                "GRANT READ ON DIRECTORY \"D\" TO \"U\"",
            ),
            (
                object(&row(&["USE", "SQL TRANSLATION PROFILE", "O", "P", "NO", "NO"]), to),
                "GRANT USE ON SQL TRANSLATION PROFILE \"O\".\"P\" TO \"U\"",
            ),
            (column(&row(&["UPDATE", "C", "O", "T", "NO"]), to), "GRANT UPDATE (\"C\") ON \"O\".\"T\" TO \"U\""),
        ] {
            assert_eq!(made.as_deref(), Ok(statement));
        }
        assert!(system(&row(&["CREATE SESSION; X", "NO"]), to).is_err());
        assert!(object(&row(&["SELECT", "TABLE", "O", "T\"", "NO", "NO"]), to).is_err());
        assert!(role(&row(&["R"]), to).is_err());
    }
}
