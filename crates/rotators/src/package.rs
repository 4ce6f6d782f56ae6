//! The built-in functions: which database, which strategy, which keys.

/// How a rotation keeps logins working.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// One user, whose password changes in place.
    SingleUser,
    /// Two users in turn, by a superuser whose secret `masterarn` names.
    AlternatingUsers,
    /// A random value; no outside system.
    Generic,
}

/// A system that packages rotate users of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Database {
    #[cfg(feature = "postgres")]
    Postgres,
    #[cfg(feature = "postgres")]
    Redshift,
    #[cfg(feature = "mysql")]
    MySql,
    #[cfg(feature = "mysql")]
    MariaDb,
    #[cfg(feature = "redis")]
    Redis,
}

/// A built-in function.
#[derive(Debug)]
pub struct Package {
    /// The name by which CreateFunction asks for it.
    pub name: &'static str,
    /// What it does, for people.
    pub description: &'static str,
    /// How it keeps logins working.
    pub strategy: Strategy,
    /// Keys that the secret's JSON must have.
    pub required_keys: &'static [&'static str],
    /// What `engine` in the secret's JSON may be; anything, or nothing, when empty.
    pub engines: &'static [&'static str],
    /// The port when the secret names none.
    pub default_port: u16,
    /// Longest name of a clone, in characters, when the environment does not say.
    pub(crate) username_limit: Option<u64>,
    /// The system; none for a value that no other system knows.
    pub(crate) database: Option<Database>,
}

const SINGLE: &[&str] = &["host", "username", "password"];
const ALTERNATING: &[&str] = &["host", "username", "password", "masterarn"];

#[cfg(feature = "postgres")]
const POSTGRES: &[&str] = &["postgres", "aurora-postgresql"];
#[cfg(feature = "postgres")]
const REDSHIFT: &[&str] = &["redshift"];
#[cfg(feature = "mysql")]
const MYSQL: &[&str] = &["mysql", "aurora-mysql"];
#[cfg(feature = "mysql")]
const MARIADB: &[&str] = &["mariadb"];
#[cfg(feature = "redis")]
const ANY: &[&str] = &[];

/// The package of one user.
macro_rules! single {
    ($database:ident, $name:literal, $system:literal, $engines:ident, $port:literal, $limit:expr) => {
        Package {
            name: concat!("strongroom/", $name, "-single-user"),
            description: concat!("Changes the password of one ", $system, " user in place"),
            strategy: Strategy::SingleUser,
            required_keys: SINGLE,
            engines: $engines,
            default_port: $port,
            username_limit: $limit,
            database: Some(Database::$database),
        }
    };
}

/// The package of alternating users.
macro_rules! multi {
    ($database:ident, $name:literal, $system:literal, $engines:ident, $port:literal, $limit:expr) => {
        Package {
            name: concat!("strongroom/", $name, "-multi-user"),
            description: concat!("Alternates between two ", $system, " users, by a superuser"),
            strategy: Strategy::AlternatingUsers,
            required_keys: ALTERNATING,
            engines: $engines,
            default_port: $port,
            username_limit: $limit,
            database: Some(Database::$database),
        }
    };
}

const GENERIC: Package = Package {
    name: "strongroom/generic",
    description: "Puts a random value in place of the secret's text, or of the password key of its JSON",
    strategy: Strategy::Generic,
    required_keys: &[],
    engines: &[],
    default_port: 0,
    username_limit: None,
    database: None,
};

static PACKAGES: &[Package] = &[
    #[cfg(feature = "postgres")]
    single!(Postgres, "postgresql", "PostgreSQL", POSTGRES, 5432, Some(63)),
    #[cfg(feature = "postgres")]
    multi!(Postgres, "postgresql", "PostgreSQL", POSTGRES, 5432, Some(63)),
    #[cfg(feature = "mysql")]
    single!(MySql, "mysql", "MySQL", MYSQL, 3306, Some(16)),
    #[cfg(feature = "mysql")]
    multi!(MySql, "mysql", "MySQL", MYSQL, 3306, Some(16)),
    #[cfg(feature = "mysql")]
    single!(MariaDb, "mariadb", "MariaDB", MARIADB, 3306, Some(80)),
    #[cfg(feature = "mysql")]
    multi!(MariaDb, "mariadb", "MariaDB", MARIADB, 3306, Some(80)),
    #[cfg(feature = "postgres")]
    single!(Redshift, "redshift", "Redshift", REDSHIFT, 5439, Some(127)),
    #[cfg(feature = "postgres")]
    multi!(Redshift, "redshift", "Redshift", REDSHIFT, 5439, Some(127)),
    #[cfg(feature = "redis")]
    single!(Redis, "redis", "Redis", ANY, 6379, None),
    #[cfg(feature = "redis")]
    multi!(Redis, "redis", "Redis", ANY, 6379, None),
    GENERIC,
];

/// All built-in functions.
#[must_use]
pub fn packages() -> &'static [Package] {
    PACKAGES
}

/// The built-in function of a name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Package> {
    packages().iter().find(|package| package.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_found() {
        for package in packages() {
            assert_eq!(find(package.name).map(|found| found.description), Some(package.description));
            assert_eq!(package.database.is_none(), package.strategy == Strategy::Generic);
        }
        assert!(find("strongroom/db2-single-user").is_none());
    }
}
