//! The value of a master user's secret: name and password, and nothing else, as RDS has it.

use strongroom_types::SecretText;

use crate::trail::push_string;

/// Bytes beside name and password.
const FRAME_BYTES: usize = 40;

/// `{"username":…,"password":…}`.
pub fn of(username: &str, password: &SecretText) -> SecretText {
    // An escaped byte takes six at most: the text is never moved while it grows, so that nothing of it is left behind.
    let mut text = String::with_capacity(FRAME_BYTES + 6 * (username.len() + password.len()));
    text.push_str("{\"username\":");
    push_string(&mut text, username);
    text.push_str(",\"password\":");
    push_string(&mut text, password.expose());
    text.push('}');
    SecretText::new(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_and_password_are_quoted_and_the_text_never_grows() {
        for password in ["plain", "\"\\\n\u{1}\u{7f}ä\u{2028}", &"\u{1}".repeat(128)] {
            let text = of("o'brien\"", &SecretText::new(password.to_owned()));
            let read: serde_json::Value = serde_json::from_str(text.expose()).expect("JSON");
            assert_eq!(read, serde_json::json!({"username": "o'brien\"", "password": password}));
            assert!(text.len() <= FRAME_BYTES + 6 * (8 + password.len()));
        }
    }
}
