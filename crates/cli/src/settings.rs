//! The settings of a command: the configuration file, then its flags. What is wrong is told with the file's name.

use std::error::Error;
use std::fs;
use std::path::Path;

use strongroom_server::config::Config;

/// Reads the configuration file, if there is one, and lets `flags` change the settings.
///
/// # Errors
/// When the file cannot be read; with everything that is wrong, and the file's name before what is wrong in it.
pub fn load(file: Option<&Path>, flags: impl FnOnce(&mut Config)) -> Result<Config, Box<dyn Error>> {
    let Some(file) = file else { return Ok(Config::load_with("", flags)?) };
    let text = fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let problems = match Config::load_with(&text, flags) {
        Ok(config) => return Ok(config),
        Err(problems) => problems,
    };
    // What is wrong without the flags as well is wrong in the file.
    let of_file = Config::load(&text).err().unwrap_or_default();
    let lines: Vec<String> = problems
        .iter()
        .map(|problem| {
            if of_file.iter().any(|other| other == problem) {
                format!("{}: {problem}", file.display())
            } else {
                problem.to_string()
            }
        })
        .collect();
    Err(lines.join("\n").into())
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use strongroom_crypto::SystemRandom;

    use super::*;
    use crate::process::TemporaryDirectory;

    #[test]
    fn what_is_wrong_in_the_file_is_told_with_its_name_and_what_is_wrong_with_a_flag_is_not() {
        let directory = TemporaryDirectory::new(&SystemRandom).expect("directory");
        let file: PathBuf = directory.path().join("strongroom.toml");
        fs::write(&file, "[limits]\nbody_bytes_max = 'many'\nno_such_key = 1\n").expect("written");
        let outside = |config: &mut Config| config.listen.addresses = vec![([0, 0, 0, 0], 0).into()];
        let told = load(Some(&file), outside).expect_err("three problems").to_string();
        let (of_file, others): (Vec<&str>, Vec<&str>) =
            told.lines().partition(|line| line.starts_with(&format!("{}: limits.", file.display())));
        assert_eq!(of_file.len(), 2, "{told}");
        assert!(others.len() == 1 && others[0].contains("loopback"), "{told}");
        fs::remove_file(&file).expect("removed");
        let told = load(Some(&file), |_| {}).expect_err("no file").to_string();
        assert!(told.starts_with(&file.display().to_string()), "{told}");
    }
}
