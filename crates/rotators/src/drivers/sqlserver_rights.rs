//! What a principal of SQL Server may do: how to look it up, and the statement that gives the same to another.

use super::sqlserver::bracketed;
use crate::Failure;

/// The name of the database, and whether it is contained.
pub const PLACE: &str =
    "SELECT DB_NAME(), CONVERT(nvarchar(10), containment) FROM sys.databases WHERE database_id = DB_ID()";

/// A kind of thing that rights are on.
struct Securable {
    /// Its number in the catalog.
    class: u8,
    /// The catalog's view of such things, and its column of their ids.
    view: &'static str,
    id: &'static str,
    /// Whether they are in schemas.
    in_schema: bool,
    /// What statements call it; those of principals say it by their type.
    word: &'static str,
}

const fn securable(class: u8, view: &'static str, id: &'static str, in_schema: bool, word: &'static str) -> Securable {
    Securable { class, view, id, in_schema, word }
}

/// Rights on the database itself, or the server.
const WHOLE: [&str; 2] = ["0", "100"];
/// Objects, which may have rights of their columns.
const OBJECT: u8 = 1;

const IN_DATABASE: &[Securable] = &[
    securable(OBJECT, "all_objects", "object_id", true, "OBJECT"),
    securable(3, "schemas", "schema_id", false, "SCHEMA"),
    securable(4, "database_principals", "principal_id", false, ""),
    securable(5, "assemblies", "assembly_id", false, "ASSEMBLY"),
    securable(6, "types", "user_type_id", true, "TYPE"),
    securable(10, "xml_schema_collections", "xml_collection_id", true, "XML SCHEMA COLLECTION"),
    securable(15, "service_message_types", "message_type_id", false, "MESSAGE TYPE"),
    securable(16, "service_contracts", "service_contract_id", false, "CONTRACT"),
    securable(17, "services", "service_id", false, "SERVICE"),
    securable(18, "remote_service_bindings", "remote_service_binding_id", false, "REMOTE SERVICE BINDING"),
    securable(19, "routes", "route_id", false, "ROUTE"),
    securable(23, "fulltext_catalogs", "fulltext_catalog_id", false, "FULLTEXT CATALOG"),
    securable(24, "symmetric_keys", "symmetric_key_id", false, "SYMMETRIC KEY"),
    securable(25, "certificates", "certificate_id", false, "CERTIFICATE"),
    securable(26, "asymmetric_keys", "asymmetric_key_id", false, "ASYMMETRIC KEY"),
];

const ON_SERVER: &[Securable] = &[
    securable(101, "server_principals", "principal_id", false, ""),
    securable(105, "endpoints", "endpoint_id", false, "ENDPOINT"),
];

/// The look-up of a user's rights in the database; `user` is a literal.
pub fn in_database(user: &str) -> String {
    look_up("database", IN_DATABASE, "t4.type", user)
}

/// The look-up of a login's rights on the server; `login` is a literal.
pub fn on_server(login: &str) -> String {
    look_up("server", ON_SERVER, "t101.type", login)
}

/// The look-up of the roles that a user is in; `user` is a literal.
pub fn roles(user: &str) -> String {
    format!(
        "SELECT r.name FROM sys.database_role_members AS rm \
         JOIN sys.database_principals AS r ON r.principal_id = rm.role_principal_id \
         JOIN sys.database_principals AS m ON m.principal_id = rm.member_principal_id WHERE m.name = {user}"
    )
}

/// One row a right, of seven texts: class, state, permission, type of the principal, schema, name, column. Names have
/// different collations, which one column cannot.
fn look_up(of: &str, securables: &[Securable], kind: &str, who: &str) -> String {
    let (mut names, mut schemas, mut joins) = (Vec::new(), Vec::new(), String::new());
    for Securable { class, view, id, in_schema, .. } in securables {
        names.push(format!("t{class}.name COLLATE DATABASE_DEFAULT"));
        joins.push_str(&format!(
            " LEFT JOIN sys.{view} AS t{class} ON p.class = {class} AND t{class}.{id} = p.major_id"
        ));
        if *in_schema {
            schemas.push(format!("s{class}.name COLLATE DATABASE_DEFAULT"));
            joins.push_str(&format!(" LEFT JOIN sys.schemas AS s{class} ON s{class}.schema_id = t{class}.schema_id"));
        }
    }
    let (mut schema, mut column) = ("NULL".to_owned(), "NULL");
    if !schemas.is_empty() {
        schema = format!("COALESCE({})", schemas.join(", "));
        column = "f.name";
        joins.push_str(
            " LEFT JOIN sys.all_columns AS f ON p.class = 1 AND p.minor_id > 0 \
             AND f.object_id = p.major_id AND f.column_id = p.minor_id",
        );
    }
    format!(
        "SELECT CONVERT(nvarchar(10), p.class), CONVERT(nvarchar(60), p.state_desc), \
         CONVERT(nvarchar(128), p.permission_name), CONVERT(nvarchar(10), {kind}), \
         CONVERT(nvarchar(128), {schema}), CONVERT(nvarchar(128), COALESCE({})), CONVERT(nvarchar(128), {column}) \
         FROM sys.{of}_permissions AS p \
         JOIN sys.{of}_principals AS g ON g.principal_id = p.grantee_principal_id{joins} \
         WHERE g.name = {who} ORDER BY p.class, p.major_id, p.minor_id",
        names.join(", ")
    )
}

/// A right that someone has, or is denied.
#[derive(Debug, PartialEq, Eq)]
pub struct Right {
    /// GRANT, DENY or REVOKE.
    verb: String,
    with_grant_option: bool,
    permission: String,
    /// On what, if not on the whole, with the words before it.
    on: String,
}

impl Right {
    /// Reads a row of a look-up.
    ///
    /// # Errors
    /// When it is on something that is not known, or that the superuser may not see.
    pub fn read(row: Vec<Option<String>>) -> Result<Self, Failure> {
        let mut row = row.into_iter();
        let mut next = || row.next().flatten();
        let (class, state, permission) = (next(), next().unwrap_or_default(), next().unwrap_or_default());
        let (kind, schema, name, column) = (next(), next(), next(), next());
        let class = class.unwrap_or_default();
        let on = if WHOLE.contains(&class.as_str()) {
            String::new()
        } else {
            let unknown =
                || Failure::value(format!("A clone cannot be given {permission} on a thing of class {class}"));
            let mut all = IN_DATABASE.iter().chain(ON_SERVER);
            let securable = all.find(|securable| securable.class.to_string() == class).ok_or_else(unknown)?;
            let word = match kind.as_deref().map(str::trim).filter(|_| securable.word.is_empty()) {
                None => securable.word,
                Some(kind) => principal(securable.class, kind),
            };
            let name = name.ok_or_else(unknown)?;
            let schema = schema.filter(|_| securable.in_schema).map(|schema| format!("{}.", bracketed(&schema)));
            let column = column.map(|column| format!(" ({})", bracketed(&column))).unwrap_or_default();
            format!("{column} ON {word}::{}{}", schema.unwrap_or_default(), bracketed(&name))
        };
        let verb = state.split('_').next().unwrap_or_default().to_owned();
        Ok(Self { verb, with_grant_option: state == "GRANT_WITH_GRANT_OPTION", permission, on })
    }

    /// The statement that gives the same to a principal, which is in brackets.
    pub fn to(&self, principal: &str) -> String {
        let Self { verb, permission, on, with_grant_option } = self;
        let option = if *with_grant_option { " WITH GRANT OPTION" } else { "" };
        format!("{verb} {permission}{on} TO {principal}{option}")
    }
}

/// What statements call a principal of a type.
fn principal(class: u8, kind: &str) -> &'static str {
    match (class, kind) {
        (4, "R") => "ROLE",
        (4, "A") => "APPLICATION ROLE",
        (4, _) => "USER",
        (_, "R") => "SERVER ROLE",
        _ => "LOGIN",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rights_become_the_statements_that_give_them() {
        for (row, statement) in [
            ([Some("0"), Some("GRANT"), Some("CONNECT"), None, None, None, None], "GRANT CONNECT TO [u]"),
            (
                [Some("100"), Some("GRANT_WITH_GRANT_OPTION"), Some("VIEW SERVER STATE"), None, None, None, None],
                "GRANT VIEW SERVER STATE TO [u] WITH GRANT OPTION",
            ),
            (
                [Some("1"), Some("DENY"), Some("SELECT"), None, Some("s]"), Some("o;--"), Some("c")],
                "DENY SELECT ([c]) ON OBJECT::[s]]].[o;--] TO [u]",
            ),
            (
                [Some("3"), Some("GRANT"), Some("EXECUTE"), None, None, Some("app"), None],
                "GRANT EXECUTE ON SCHEMA::[app] TO [u]",
            ),
            (
                [Some("4"), Some("GRANT"), Some("IMPERSONATE"), Some("S"), None, Some("other"), None],
                "GRANT IMPERSONATE ON USER::[other] TO [u]",
            ),
            (
                [Some("4"), Some("GRANT"), Some("CONTROL"), Some("R "), None, Some("role"), None],
                "GRANT CONTROL ON ROLE::[role] TO [u]",
            ),
            (
                [Some("10"), Some("REVOKE"), Some("REFERENCES"), None, Some("s"), Some("x"), None],
                "REVOKE REFERENCES ON XML SCHEMA COLLECTION::[s].[x] TO [u]",
            ),
            (
                [Some("101"), Some("GRANT"), Some("IMPERSONATE"), Some("S"), None, Some("l"), None],
                "GRANT IMPERSONATE ON LOGIN::[l] TO [u]",
            ),
        ] {
            let row = row.into_iter().map(|text| text.map(str::to_owned)).collect();
            assert_eq!(Right::read(row).expect("right").to("[u]"), statement);
        }
    }

    #[test]
    fn rights_on_what_is_not_known_are_refused() {
        for class in ["99", "1"] {
            let mut row = vec![Some(class.to_owned()), Some("GRANT".to_owned()), Some("SELECT".to_owned())];
            row.resize(7, None);
            let refused = Right::read(row).expect_err("refused");
            assert_eq!(refused.message, format!("A clone cannot be given SELECT on a thing of class {class}"));
        }
    }

    #[test]
    fn look_ups_name_each_class_once() {
        let statement = in_database("N'u'");
        for Securable { class, .. } in IN_DATABASE {
            assert_eq!(statement.matches(&format!("p.class = {class} AND t{class}.")).count(), 1, "{class}");
        }
        assert!(on_server("N'u'").contains("FROM sys.server_permissions AS p"));
    }
}
