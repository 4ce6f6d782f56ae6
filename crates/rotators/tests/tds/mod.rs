//! A server that speaks as much of SQL Server's protocol as logins and batches need, and knows a few statements. It reads
//! names and texts by the rules of Transact-SQL, so that a statement that quotes badly is not understood.

mod wire;
mod words;

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, TcpListener, TcpStream},
    sync::{Arc, Mutex, MutexGuard},
    thread,
};

use rustls::ServerConfig;

use wire::{Connection, Login};
use words::{Word, words};

/// Login failed.
const LOGIN_FAILED: i32 = 18456;
/// The statement is not understood.
const SYNTAX: i32 = 102;
/// The old password is wrong, or there is no such principal.
const CANNOT_ALTER: i32 = 15151;

/// What the server knows.
#[derive(Default)]
pub struct State {
    /// Passwords of logins, or users of a contained database.
    pub passwords: BTreeMap<String, String>,
    /// Whether the database is contained.
    pub contained: bool,
    /// The database of the last login that named one.
    pub database: String,
    /// Rows of look-ups, by a part of their statement.
    pub rows: Vec<(&'static str, Vec<Vec<Option<&'static str>>>)>,
    /// Statements that changed something, passwords left out, while a transaction was open or not.
    pub changes: Vec<String>,
}

/// A running server.
pub struct Server {
    pub port: u16,
    state: Arc<Mutex<State>>,
}

impl Server {
    /// Starts one, which ends with the test's process. With a configuration it wants TLS, else it has none.
    pub fn start(state: State, tls: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(Mutex::new(state));
        let shared = state.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (state, tls) = (shared.clone(), tls.clone());
                thread::spawn(move || serve(stream, &state, tls));
            }
        });
        Self { port, state }
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

fn serve(stream: TcpStream, state: &Mutex<State>, tls: Option<Arc<ServerConfig>>) {
    let Some((mut connection, login)) = Connection::accept(stream, tls) else { return };
    if !state.lock().unwrap().admits(&login) {
        connection.answer(&wire::error(LOGIN_FAILED, "Login failed for user."));
        return;
    }
    connection.answer(&wire::logged_in());
    while let Some(batch) = connection.batch() {
        let outcome = state.lock().unwrap().run(&login, &batch);
        connection.answer(&match outcome {
            Ok(rows) => wire::rows(&rows),
            Err(number) => wire::error(number, "Refused."),
        });
    }
}

type Rows = Vec<Vec<Option<String>>>;

impl State {
    fn admits(&mut self, login: &Login) -> bool {
        if !login.database.is_empty() {
            self.database.clone_from(&login.database);
        }
        self.passwords.get(&login.user) == Some(&login.password)
    }

    fn run(&mut self, login: &Login, batch: &str) -> Result<Rows, i32> {
        if let Some((_, rows)) = self.rows.iter().find(|(part, _)| batch.contains(part)) {
            let owned = |row: &Vec<Option<&str>>| row.iter().map(|text| text.map(str::to_owned)).collect();
            return Ok(rows.iter().map(owned).collect());
        }
        if batch == "SELECT 1" {
            return Ok(vec![vec![Some("1".to_owned())]]);
        }
        if batch.starts_with("SELECT DB_NAME()") {
            let containment = if self.contained { "1" } else { "0" };
            return Ok(vec![vec![Some(login.database.clone()), Some(containment.to_owned())]]);
        }
        let words = words(batch).ok_or(SYNTAX)?;
        let owner = if self.contained { "USER" } else { "LOGIN" };
        match words.as_slice() {
            [
                Word::Plain("SELECT"),
                Word::Plain("name"),
                Word::Plain("FROM"),
                Word::Plain(catalog),
                Word::Plain("WHERE"),
                Word::Plain("name"),
                Word::Plain("="),
                Word::Text(name),
            ] => {
                let own = if self.contained { "sys.database_principals" } else { "sys.server_principals" };
                if *catalog != own {
                    return Err(SYNTAX);
                }
                Ok(self.passwords.get(name).map(|_| vec![Some(name.clone())]).into_iter().collect())
            }
            [
                Word::Plain(verb),
                Word::Plain(of),
                Word::Name(name),
                Word::Plain("WITH"),
                Word::Plain("PASSWORD"),
                Word::Plain("="),
                Word::Text(password),
                rest @ ..,
            ] if *of == owner => {
                self.set(login, verb, name, password, rest)?;
                let rest: String = rest.iter().take_while(|word| **word != Word::Plain(",")).map(|_| " …").collect();
                self.changes.push(format!("{verb} {of} {name}{rest}"));
                Ok(Rows::new())
            }
            [Word::Plain("CREATE" | "ALTER" | "GRANT" | "DENY" | "REVOKE" | "BEGIN" | "COMMIT"), ..] => {
                self.changes.push(batch.to_owned());
                Ok(Rows::new())
            }
            _ => Err(SYNTAX),
        }
    }

    fn set(&mut self, login: &Login, verb: &str, name: &str, password: &str, rest: &[Word]) -> Result<(), i32> {
        let known = self.passwords.get(name);
        match (verb, known, rest) {
            (
                "CREATE",
                None,
                [] | [Word::Plain(","), Word::Plain("DEFAULT_SCHEMA"), Word::Plain("="), Word::Name(_)],
            ) => {}
            ("ALTER", Some(_), []) if login.user != name => {}
            ("ALTER", Some(known), [Word::Plain("OLD_PASSWORD"), Word::Plain("="), Word::Text(old)])
                if known == old => {}
            _ => return Err(CANNOT_ALTER),
        }
        self.passwords.insert(name.to_owned(), password.to_owned());
        Ok(())
    }
}
