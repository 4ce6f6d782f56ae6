//! Calls and libraries that belong to a room, and what to use elsewhere.

use super::tree::{File, Problem, Tree};

/// Calls that only some rooms make.
struct Call {
    /// The paths, from any name on.
    paths: &'static [&'static str],
    /// Beginnings of the paths of the files that may.
    rooms: &'static [&'static str],
    /// Whether tests may everywhere.
    in_tests: bool,
    /// What others do instead.
    instead: &'static str,
}

/// Programs and tests of their own, which no other crate uses.
const FREE: [&str; 5] = ["xtask/", "bench/", "tests/", "fuzz/", "crates/testkit/"];

/// Folders of a crate whose files are programs of their own.
const FREE_INSIDE: [&str; 3] = ["examples", "benches", "tests"];

const CALLS: [Call; 9] = [
    Call {
        paths: &["SystemTime::now"],
        rooms: &["crates/types/src/time.rs"],
        in_tests: false,
        instead: "time is handed in: take a `types::Clock`",
    },
    Call {
        paths: &["Instant::now"],
        rooms: &[
            "crates/server/src/listen/",
            "crates/server/src/front/",
            "crates/store/src/postgres/",
            "crates/roots/src/command.rs",
            "crates/runtimes/",
        ],
        in_tests: true,
        instead: "only limits of connections and processes count time that passes; for dates take a `types::Clock`",
    },
    Call {
        paths: &["env::var", "env::var_os", "env::vars", "env::vars_os", "env::set_var", "env::args"],
        rooms: &["crates/server/src/config/", "crates/cli/"],
        in_tests: false,
        instead: "only the cli and config modules read the environment: take the value as a parameter",
    },
    Call {
        paths: &["thread::spawn", "thread::Builder", "tokio::spawn", "task::spawn"],
        rooms: &[
            "crates/store/src/sqlite/",
            "crates/store/src/postgres/",
            "crates/store/src/contract/database.rs",
            "crates/roots/src/http.rs",
            "crates/runtimes/",
            "crates/server/",
            "crates/cli/",
        ],
        in_tests: true,
        instead: "only the store's engine, the runtimes and the server start threads and tasks: be called by them",
    },
    Call {
        paths: &["process::exit", "process::abort"],
        rooms: &["crates/cli/"],
        in_tests: false,
        instead: "only the cli ends the process: return an error",
    },
    Call {
        paths: &["println!", "eprintln!", "print!", "eprint!", "dbg!"],
        rooms: &["crates/cli/"],
        in_tests: false,
        instead: "only the cli prints: return the text, or log it with `tracing`",
    },
    Call {
        paths: &["std::fs", "tokio::fs"],
        rooms: &[
            "crates/places/",
            "crates/store/",
            "crates/roots/",
            "crates/runtimes/",
            "crates/core/src/trail/",
            "crates/server/src/config/",
            "crates/server/src/listen/",
            "crates/server/src/app",
            "crates/server/src/anchor.rs",
            "crates/server/src/backups/",
            "crates/server/src/credentials.rs",
            "crates/server/src/identity_providers/",
            "crates/server/src/scratch.rs",
            "crates/server/src/sinks/",
            "crates/server/src/transfer.rs",
            "crates/cli/",
        ],
        in_tests: true,
        instead: "this room has no files: take the bytes, or leave it to `store`, `roots` or `core::trail`",
    },
    Call {
        paths: &["TcpListener", "TcpStream", "UdpSocket", "UnixListener", "UnixStream", "ToSocketAddrs"],
        rooms: &[
            "crates/client/",
            "crates/places/src/gateway.rs",
            "crates/sinks/",
            "crates/runtimes/src/api.rs",
            "crates/server/",
            "crates/cli/",
            "crates/store/src/contract/database.rs",
            "crates/rotators/src/drivers/",
        ],
        in_tests: true,
        instead: "only the server has a network: take what was received",
    },
    Call {
        paths: &["thread::sleep"],
        rooms: &["crates/store/src/sqlite/", "crates/store/src/contract/database.rs"],
        in_tests: false,
        instead: "wait for the event, not for a time; a limit of a wait belongs to `server`",
    },
];

/// No room makes calls that belong to another.
pub fn calls_in_their_rooms(file: &File) -> Vec<Problem> {
    let in_room = |rooms: &[&str]| rooms.iter().any(|room| file.path.starts_with(room));
    if in_room(&FREE) || file.path.split('/').nth(2).is_some_and(|part| FREE_INSIDE.contains(&part)) {
        return Vec::new();
    }
    let mut problems = Vec::new();
    for mention in &file.mentions {
        for call in CALLS.iter().filter(|call| !in_room(call.rooms)) {
            if call.in_tests && file.is_test(mention.line) {
                continue;
            }
            if let Some(path) = call.paths.iter().find(|path| mention.contains(path)) {
                problems.push(file.problem(mention.line, format!("`{path}` in the wrong room: {}", call.instead)));
            }
        }
    }
    problems
}

/// Libraries that only some packages name.
struct Library {
    /// The names; one that ends in `-` stands for all that begin so.
    names: &'static [&'static str],
    /// Folders of the packages that may.
    rooms: &'static [&'static str],
    /// Folders of the packages whose tests may; `*` stands for all.
    in_tests: &'static [&'static str],
    /// What others do instead.
    instead: &'static str,
}

const LIBRARIES: [Library; 10] = [
    Library {
        names: &["aws-lc-rs", "aws-lc-sys"],
        rooms: &["crates/crypto/"],
        in_tests: &[],
        instead: "ciphers are only in `crypto`: use it",
    },
    Library {
        names: &["openssl", "ring", "sha2", "hmac", "aes-gcm", "chacha20poly1305", "blake3", "md-5", "sha1"],
        rooms: &[],
        in_tests: &[],
        instead: "there is one cipher library, and it is only in `crypto`: use that",
    },
    Library {
        names: &["rand_core", "blahaj"],
        rooms: &["crates/crypto/"],
        in_tests: &[],
        instead: "randomness and sharing are only in `crypto`: use it",
    },
    Library {
        names: &["rand", "rand_chacha", "getrandom", "fastrand", "uuid", "oorandom"],
        rooms: &[],
        in_tests: &[],
        instead: "randomness is handed in: take a `crypto::Random`",
    },
    Library {
        names: &["rusqlite", "libsqlite3-sys", "sqlx", "diesel"],
        rooms: &["crates/store/", "bench/"],
        in_tests: &[],
        instead: "SQL is only in `store`: use its contract",
    },
    Library {
        names: &["tokio-postgres", "postgres-protocol"],
        rooms: &["crates/store/", "crates/rotators/", "bench/"],
        in_tests: &[],
        instead: "SQL is only in `store`, and in `rotators` for users of outside databases",
    },
    Library {
        names: &["mysql_async", "tiberius", "mongodb", "oracledb"],
        rooms: &["crates/rotators/"],
        in_tests: &[],
        instead: "outside databases are only in `rotators`: ask for a rotation",
    },
    Library {
        names: &["hyper", "hyper-util"],
        rooms: &["crates/client/", "crates/runtimes/", "crates/server/", "crates/testkit/", "bench/"],
        in_tests: &["*"],
        instead: "HTTP is only in `server`, in `client` for calls, and in `runtimes` for functions",
    },
    Library {
        names: &["rustls", "tokio-rustls", "rustls-pki-types", "rcgen"],
        rooms: &[
            "crates/store/",
            "crates/partners/",
            "crates/server/",
            "crates/testkit/",
            "crates/rotators/",
            "crates/client/",
            "crates/sinks/",
        ],
        in_tests: &["*"],
        instead: "TLS is only in `server`, in `client` for calls, in `store` and `rotators` for databases, in `partners` and in \
                  `sinks`",
    },
    Library {
        names: &["aws-sdk-", "aws-config", "aws-sigv4", "aws-credential-types", "aws-smithy-"],
        rooms: &[],
        in_tests: &["*"],
        instead: "the SDK of AWS is only in tests: name it in dev-dependencies",
    },
];

/// No package names libraries that belong to another.
pub fn libraries_in_their_rooms(tree: &Tree) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (folder, manifest) in tree.manifests().filter(|(folder, _)| !folder.is_empty()) {
        for dependency in super::manifests::dependencies(&manifest.text) {
            let name = dependency.name.as_str();
            let named = |library: &&Library| {
                library.names.iter().any(|n| *n == name || (n.ends_with('-') && name.starts_with(n)))
            };
            let Some(library) = LIBRARIES.iter().find(named) else { continue };
            let allowed = |rooms: &[&str]| rooms.iter().any(|room| *room == "*" || *room == folder);
            if !(allowed(library.rooms) || dependency.dev && allowed(library.in_tests)) {
                problems.push(manifest.problem_at(name, format!("`{name}` in the wrong room: {}", library.instead)));
            }
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<usize> {
        calls_in_their_rooms(&File::new(path, text)).into_iter().map(|problem| problem.line).collect()
    }

    #[test]
    fn calls_are_found_however_they_are_imported() {
        let text = "use std::{env, fs};\nfn f() { let _ = std::env::var(\"A\"); }\nuse std::env::var as read;\n\
                    // std::fs\nfn g() { println!(); }\n";
        assert_eq!(found("crates/core/src/secrets/put.rs", text), [1, 2, 3, 5]);
        assert_eq!(found("crates/cli/src/main.rs", text), [0_usize; 0]);
        assert_eq!(found("bench/src/main.rs", text), [0_usize; 0]);
    }

    #[test]
    fn tests_may_use_files_but_not_the_clock() {
        let text = "#[cfg(test)]\nmod tests {\n use std::fs;\n fn f() { SystemTime::now(); }\n}\n";
        assert_eq!(found("crates/core/src/page.rs", text), [4]);
    }

    #[test]
    fn libraries_are_found_by_name_and_by_beginning() {
        let manifest = |folder: &str, text: &str| File::new(&format!("{folder}Cargo.toml"), text);
        let tree = Tree::of(vec![
            manifest(
                "crates/core/",
                "[dependencies]\nhyper = \"1\"\naws-lc-rs = \"1\"\n[dev-dependencies]\nhyper = \"1\"\n",
            ),
            manifest("crates/crypto/", "[dependencies]\naws-lc-rs = \"1\"\naws-sdk-kms = \"1\"\n"),
            manifest("tests/", "[dev-dependencies]\naws-sdk-kms = \"1\"\n"),
        ]);
        let found: Vec<(String, usize)> =
            libraries_in_their_rooms(&tree).into_iter().map(|problem| (problem.path, problem.line)).collect();
        let core = "crates/core/Cargo.toml".to_owned();
        assert_eq!(found, [(core.clone(), 3), (core, 2), ("crates/crypto/Cargo.toml".to_owned(), 3)]);
    }
}
