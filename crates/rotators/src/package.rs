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
    #[cfg(feature = "mongodb")]
    MongoDb,
    #[cfg(feature = "oracle")]
    Oracle,
    #[cfg(feature = "sqlserver")]
    SqlServer,
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

/// How a clone is named after its user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Naming {
    /// With `_clone`, as written.
    Suffix,
    /// With `_CLONE`, in capitals, as Oracle reads names without quotes.
    #[cfg(feature = "oracle")]
    Capitals,
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
    /// How a clone is named.
    pub(crate) naming: Naming,
    /// Length of a password, in characters, when the environment does not say.
    pub(crate) password_length: u64,
    /// Whether a superuser works in the user's database, which the user's secret names, and not in its own.
    pub(crate) in_users_database: bool,
    /// Whether a superuser sets the password of one user, where the secret names one in `masterarn`: the system lets
    /// few users set their own.
    pub(crate) superuser_may_set: bool,
    /// The system; none for a value that no other system knows.
    pub(crate) database: Option<Database>,
}

/// Length of a password, in characters.
const PASSWORD_LENGTH: u64 = 32;

const SINGLE: &[&str] = &["host", "username", "password"];
const ALTERNATING: &[&str] = &["host", "username", "password", "masterarn"];

#[cfg(feature = "oracle")]
const SINGLE_IN_DATABASE: &[&str] = &["host", "username", "password", "dbname"];
#[cfg(feature = "oracle")]
const ALTERNATING_IN_DATABASE: &[&str] = &["host", "username", "password", "dbname", "masterarn"];

#[cfg(feature = "mongodb")]
const MONGO: &[&str] = &["mongo"];
#[cfg(feature = "oracle")]
const ORACLE: &[&str] = &["oracle"];
#[cfg(feature = "sqlserver")]
const SQLSERVER: &[&str] = &["sqlserver"];
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
    ($database:ident, $name:literal, $system:literal, $engines:ident, $port:literal, $limit:expr, $may:expr) => {
        Package {
            name: concat!("strongroom/", $name, "-single-user"),
            description: concat!("Changes the password of one ", $system, " user in place"),
            strategy: Strategy::SingleUser,
            required_keys: SINGLE,
            engines: $engines,
            default_port: $port,
            username_limit: $limit,
            superuser_may_set: $may,
            naming: Naming::Suffix,
            password_length: PASSWORD_LENGTH,
            in_users_database: false,
            database: Some(Database::$database),
        }
    };
}

/// The package of alternating users.
macro_rules! multi {
    ($database:ident, $name:literal, $system:literal, $engines:ident, $port:literal, $limit:expr, $may:expr) => {
        Package {
            name: concat!("strongroom/", $name, "-multi-user"),
            description: concat!("Alternates between two ", $system, " users, by a superuser"),
            strategy: Strategy::AlternatingUsers,
            required_keys: ALTERNATING,
            engines: $engines,
            default_port: $port,
            username_limit: $limit,
            superuser_may_set: $may,
            naming: Naming::Suffix,
            password_length: PASSWORD_LENGTH,
            in_users_database: false,
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
    superuser_may_set: false,
    naming: Naming::Suffix,
    password_length: PASSWORD_LENGTH,
    in_users_database: false,
    database: None,
};

static PACKAGES: &[Package] = &[
    #[cfg(feature = "postgres")]
    single!(Postgres, "postgresql", "PostgreSQL", POSTGRES, 5432, Some(63), false),
    #[cfg(feature = "postgres")]
    multi!(Postgres, "postgresql", "PostgreSQL", POSTGRES, 5432, Some(63), false),
    #[cfg(feature = "mysql")]
    single!(MySql, "mysql", "MySQL", MYSQL, 3306, Some(16), false),
    #[cfg(feature = "mysql")]
    multi!(MySql, "mysql", "MySQL", MYSQL, 3306, Some(16), false),
    #[cfg(feature = "mysql")]
    single!(MariaDb, "mariadb", "MariaDB", MARIADB, 3306, Some(80), false),
    #[cfg(feature = "mysql")]
    multi!(MariaDb, "mariadb", "MariaDB", MARIADB, 3306, Some(80), false),
    #[cfg(feature = "postgres")]
    single!(Redshift, "redshift", "Redshift", REDSHIFT, 5439, Some(127), false),
    #[cfg(feature = "postgres")]
    multi!(Redshift, "redshift", "Redshift", REDSHIFT, 5439, Some(127), false),
    #[cfg(feature = "redis")]
    single!(Redis, "redis", "Redis", ANY, 6379, None, true),
    #[cfg(feature = "redis")]
    multi!(Redis, "redis", "Redis", ANY, 6379, None, true),
    #[cfg(feature = "mongodb")]
    single!(MongoDb, "mongodb", "MongoDB or DocumentDB", MONGO, 27017, None, false),
    #[cfg(feature = "mongodb")]
    multi!(MongoDb, "mongodb", "MongoDB or DocumentDB", MONGO, 27017, None, false),
    #[cfg(feature = "sqlserver")]
    single!(SqlServer, "sqlserver", "SQL Server", SQLSERVER, 1433, Some(128), false),
    #[cfg(feature = "sqlserver")]
    Package {
        in_users_database: true,
        ..multi!(SqlServer, "sqlserver", "SQL Server", SQLSERVER, 1433, Some(128), false)
    },
    #[cfg(feature = "oracle")]
    Package {
        required_keys: SINGLE_IN_DATABASE,
        password_length: 30,
        ..single!(Oracle, "oracle", "Oracle", ORACLE, 1521, Some(30), false)
    },
    #[cfg(feature = "oracle")]
    Package {
        required_keys: ALTERNATING_IN_DATABASE,
        naming: Naming::Capitals,
        password_length: 30,
        in_users_database: true,
        ..multi!(Oracle, "oracle", "Oracle", ORACLE, 1521, Some(30), false)
    },
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

/// Why there is no built-in function of a name.
#[must_use]
pub fn why_not(name: &str) -> String {
    if name.strip_prefix("strongroom/").is_some_and(|name| name.starts_with("db2")) {
        return format!(
            "Strongroom has no native package {name}: Db2 has no pure-Rust client. Rotate its users by a function of your \
             own."
        );
    }
    let names: Vec<&str> = packages().iter().map(|package| package.name).collect();
    format!("Strongroom has no native package {name}: there are {}.", names.join(", "))
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
        assert!(why_not("strongroom/db2-single-user").contains("Db2 has no pure-Rust client"));
        let told = why_not("strongroom/x");
        assert!(told.starts_with("Strongroom has no native package strongroom/x: there are strongroom/"), "{told}");
        assert!(told.ends_with("strongroom/generic."), "{told}");
    }
}
